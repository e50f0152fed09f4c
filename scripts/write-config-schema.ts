// Writes config.schema.json, which editors use to complete and check inferloom.yaml.
import { writeFileSync } from 'node:fs'
import { configJsonSchema } from '../src/config/schema.ts'

writeFileSync(new URL('../config.schema.json', import.meta.url), `${JSON.stringify(configJsonSchema(), null, 2)}\n`)
