#!/usr/bin/env -S node --max-semi-space-size=4
// The flag bounds the young heap at 4 MB a space instead of 16: an idle server takes 10 MB less for it.
import { enableCompileCache } from 'node:module'
import { runCommandLine } from './program.ts'

enableCompileCache()
await runCommandLine(process.argv)
