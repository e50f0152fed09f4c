import { fileURLToPath } from 'node:url'
import { Engine } from '../../src/engine/engine.ts'
import { providerSuite } from './provider-suite.ts'

providerSuite(
  'the local engine',
  () =>
    new Engine({
      model: 'loom-mini',
      file: fileURLToPath(new URL('../../models/loom-mini.gguf', import.meta.url)),
      threads: 1,
      parallel: 4,
      batchTokens: 256,
      prefillChunkTokens: 64,
      targetGapMs: 50,
      prefixCacheBytes: 10_000_000,
      queueLimit: 8,
      stallSeconds: 30,
    }),
)
