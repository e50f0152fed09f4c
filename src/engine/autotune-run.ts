import { availableMemory } from './available-memory.ts'
import { InferloomError } from '../canonical/errors.ts'
import type { TuningResult } from './autotune-result.ts'
import { measure, toEnd } from './autotune-worker.ts'
import { loadLibrary } from './binding/library.ts'
import { openWeights } from './binding/model.ts'
import { refuseUnlessItFits } from './fit.ts'
import { readGguf } from './gguf.ts'
import type { EngineOptions } from './engine.ts'

/** Someone waits for it, and asked for it. */
const whenAskedMs = 60_000
/** More than any measurement takes. */
const contextTokens = 2048

/**
 * Measures a model in this process, for a minute at most, in place of what was measured before.
 * Throws where it cannot be loaded, does not fit in memory, or only embeds.
 */
export function measureNow(engine: EngineOptions, files: readonly string[]): TuningResult {
  const { autotune: parts = [] } = engine
  refuseUnlessItFits(files, { contextTokens, batchTokens: engine.batchTokens }, availableMemory())
  if (!readGguf(engine.file).causal) {
    const message = `${engine.model} only embeds text; what is measured is how text is generated.`
    throw new InferloomError('model_unsupported', message, { param: 'model' })
  }
  const complaints: string[] = []
  const library = loadLibrary((level, text) => {
    if (level >= logLevelError && complaints.length < 20) complaints.push(text.trim())
  })
  const weights = openWeights(library, engine, complaints)
  try {
    return toEnd(measure(library, weights, engine, { parts, budgetMs: whenAskedMs }))
  } finally {
    library.llama.modelFree(weights)
  }
}

const logLevelError = 4 // enum ggml_log_level
