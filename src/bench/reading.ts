import type { ReportedUsage } from './wires/wire.ts'

/** What is kept of one answer while it is read. */
export interface Reading {
  /** When the first thing came that the model wrote, and the last; absent where that cannot be seen. */
  readonly firstAt: number | undefined
  readonly lastAt: number | undefined
  /** Parts of it that came one after another. */
  readonly pieces: number
  /** Bytes of what the model wrote, for an estimate where the server does not count. */
  readonly textBytes: number
  readonly usage: ReportedUsage
  /** The class of what was wrong with it. */
  readonly error: string | undefined
  readonly text: string
  /** `at` is when the bytes came, in milliseconds. */
  push(bytes: Uint8Array, at: number): void
  /** Says what is missing. Called when no more bytes come. */
  finish(): void
}
