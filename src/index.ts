export { createEngine, createGateway, type LibraryOptions } from './library.ts'
export { errorCatalogue, InferloomError, type ErrorCode, type ErrorDetails } from './canonical/errors.ts'
export type { EmbedRequest, EmbedResult, RerankRequest, RerankResult } from './canonical/embed.ts'
export type { FinishReason, StreamEvent, TokenLogprobs } from './canonical/events.ts'
export type {
  GenerateRequest,
  JsonSchema,
  Message,
  Part,
  ResponseFormat,
  Sampling,
  ServiceTier,
  Tool,
  ToolCall,
  ToolChoice,
} from './canonical/request.ts'
export type { Usage } from './canonical/usage.ts'
export type { ModelInfo, Provider, TokenCount } from './providers/provider.ts'
export type { RunningServer } from './server/start.ts'
