// Writes docs/compatibility.md, which says what crosses between dialects and providers; a test compares.
import { writeFileSync } from 'node:fs'
import { compatibilityPage } from '../test/conformance/compatibility.ts'

writeFileSync(new URL('../docs/compatibility.md', import.meta.url), await compatibilityPage())
