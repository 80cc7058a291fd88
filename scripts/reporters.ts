/**
 * What a test run prints: failures in full, the ten files that took longest, and the sums.
 */
import { relative } from 'node:path'
import { DefaultReporter, type Reporter, type TestModule } from 'vitest/node'

const SLOWEST = 10

/**
 * The reporters of a run. With `RAREST_REPORTS=<directory>` it also writes `<name>.json` there, from which
 * `.ci/run` counts.
 */
export function reporters(name: string): {
  reporters: (Reporter | ['json', { outputFile: string }])[]
} {
  const directory = process.env.RAREST_REPORTS
  const concise = new ConciseReporter()
  if (!directory) return { reporters: [concise] }
  return { reporters: [concise, ['json', { outputFile: `${directory}/${name}.json` }]] }
}

class ConciseReporter extends DefaultReporter {
  /** Passed files take no line of their own. */
  override printTestModule(testModule: TestModule): void {
    if (testModule.state() === 'failed') super.printTestModule(testModule)
  }

  override onTestRunEnd(...args: Parameters<DefaultReporter['onTestRunEnd']>): void {
    this.#printSlowest(args[0])
    super.onTestRunEnd(...args)
  }

  #printSlowest(modules: readonly TestModule[]): void {
    if (modules.length <= SLOWEST) return
    const files = modules
      .map((module) => ({ name: relative(this.ctx.config.root, module.moduleId), ms: msOf(module) }))
      .sort((a, b) => b.ms - a.ms)
    this.log(`\n Slowest ${SLOWEST} of ${files.length} files`)
    for (const { name, ms } of files.slice(0, SLOWEST)) {
      this.log(`  ${(ms / 1000).toFixed(1).padStart(6)} s  ${name}`)
    }
  }
}

/** Loading the file and all its tests. */
function msOf(module: TestModule): number {
  const { duration, collectDuration, setupDuration, prepareDuration, environmentSetupDuration } =
    module.diagnostic()
  return duration + collectDuration + setupDuration + prepareDuration + environmentSetupDuration
}
