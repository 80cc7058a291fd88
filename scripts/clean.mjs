import { rmSync } from 'node:fs'

// tsup cleans only within one of its two configurations, and they run at the same time.
rmSync(new URL('../dist', import.meta.url), { recursive: true, force: true })
