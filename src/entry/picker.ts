/**
 * `rarest/picker`: which block to ask of which peer (rarest first, deadlines, end-game). Runs in a browser.
 * @module
 */

export {
  BLOCK_LENGTH,
  type Block,
  type FileSlice,
  Layout,
  type LayoutFile,
  type LayoutOptions,
  type Range,
} from '../metainfo/layout.js'
export { Picker, type PickerOptions, type PickerPeer, type PickerStats } from '../picker/picker.js'
export { Bitfield } from '../util/bitfield.js'
export type { Random } from '../util/random.js'
