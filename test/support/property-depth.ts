/**
 * Set-up of the tests that have properties: those that name no number of runs follow the depth, too.
 * @module
 */

import fc from 'fast-check'
import { runs } from './depth.js'

fc.configureGlobal({ numRuns: runs(50) })
