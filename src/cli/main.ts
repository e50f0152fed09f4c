#!/usr/bin/env -S node --max-semi-space-size=4
// The flag bounds the young heap at 4 MB a space instead of 16: an idle server takes 10 MB less for it.
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
