#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
import { runCommandLine } from './program.ts'

enableCompileCache()
await runCommandLine(process.argv)
