/**
 * Which release this is.
 * @module
 */

export const VERSION = '0.1.0'
