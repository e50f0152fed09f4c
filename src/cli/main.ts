#!/usr/bin/env -S node --min-semi-space-size=16 --max-semi-space-size=16 --no-memory-reducer
// The young heap is 16 MB a space from the start, and never more: V8 lets one that was idle grow back from 1 MB so
// slowly that requests cost up to twice as much for many seconds. What of it is not in use is given back all the same.
import module from 'node:module'

// Everything else is imported after this check: an older Node would stop at a syntax error that explains nothing.
if (Number(process.versions.node.split('.')[0]) < 24) {
  process.stderr.write(
    `inferloom needs Node 24 or later; this is Node ${process.versions.node}.\n` +
      'Get it from https://nodejs.org, or from npm alone: npx -p node@24 -p inferloom inferloom serve\n',
  )
  process.exit(1)
}
module.enableCompileCache()
const { runCommandLine } = await import('./program.ts')
await runCommandLine(process.argv)
