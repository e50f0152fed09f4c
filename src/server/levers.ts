import type { Config } from '../config/schema.ts'
import type { Models } from '../gateway/models.ts'
import { Attempts } from '../gateway/routing/attempts.ts'
import { DeploymentHealth } from '../gateway/routing/deployment-health.ts'
import { Hedging } from '../gateway/routing/hedging.ts'
import { PlainPlanner } from '../gateway/routing/plain-planner.ts'
import { Retries } from '../gateway/routing/retries.ts'
import { machineTime as timekeeper } from '../gateway/timekeeper.ts'

export interface Levers {
  readonly planner: PlainPlanner
  readonly attempts: Attempts
  readonly health: DeploymentHealth
}

/** What decides whom a request is sent to, when, and what is done when that fails. */
export function openLevers({ config, models }: { readonly config: Config; readonly models: Models }): Levers {
  const { breaker, hedgeShare, ...retry } = config.reliability
  const { random } = Math
  const health = new DeploymentHealth({ settings: breaker, timekeeper, random })
  const attempts = new Attempts({
    timekeeper,
    health,
    retries: new Retries({ settings: retry, timekeeper, random, health }),
    hedging: new Hedging({ share: hedgeShare }),
    learn: () => {},
  })
  return { planner: new PlainPlanner(models), attempts, health }
}
