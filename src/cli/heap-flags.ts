/** With which Node runs a server; scripts/start.mjs and the first line of main.ts have the same: docs/decisions/0004-compiled-start.md */
export const heapFlags = ['--min-semi-space-size=16', '--max-semi-space-size=16', '--no-memory-reducer'] as const
