/** How much of one limit is left. */
export interface LimitLeft {
  readonly limit: number
  readonly remaining: number
  /** Milliseconds until nothing of it is taken any more, if nothing else comes. */
  readonly resetMs: number
}

/** Where a client stands with its limits: of each kind, the one of which least is left. */
export interface LimitStanding {
  readonly requests?: LimitLeft
  readonly tokens?: LimitLeft
  /** What a budget is about to refuse, for people. */
  readonly budgetWarning?: string
}
