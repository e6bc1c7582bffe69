import {
  ATTRIBUTE_VALUES,
  CITY_ENDS,
  CITY_STARTS,
  COUNTRIES,
  FIRST_NAMES,
  HERDS,
  LAST_NAMES,
  RIVERS,
} from './names.ts';
import { CITY_ATTRIBUTES, PERSON_ATTRIBUTES } from './world.ts';

/** Every word of the world, lower-case; a city is the start and the end that other cities share. */
function words(): string[] {
  const sentences = 'the of is what tell me how many do does have together number answer to';
  const words = [
    ...sentences.split(' '),
    ...PERSON_ATTRIBUTES.flatMap((attribute) => attribute.split(' ')),
    ...CITY_ATTRIBUTES,
    ...[FIRST_NAMES, LAST_NAMES, CITY_STARTS, COUNTRIES, RIVERS, HERDS].flat(),
    ...Object.values(ATTRIBUTE_VALUES).flat(),
    ...Array.from({ length: 100 }, (_, number) => String(number)),
    ...CITY_ENDS.map((end) => `##${end}`),
  ];
  return [...new Set(words.map((word) => word.toLowerCase()))];
}

const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];

/** A place in what a text becomes. */
const token = (id: string, segment: number) => ({ SpecialToken: { id, type_id: segment } });
const text = (id: string, segment: number) => ({ Sequence: { id, type_id: segment } });

/**
 * tokenizer.json of the lab encoders: WordPiece (Wu et al. 2016) over the words of the world, as Hugging Face tokenizers and
 * transformers.js read it; any other ASCII word falls apart into letters.
 */
export function encoderTokenizer(): Record<string, unknown> {
  const ascii = Array.from({ length: 127 - 33 }, (_, i) => String.fromCharCode(33 + i));
  const letters = ascii.filter((letter) => !/[A-Z]/.test(letter));
  const continued = letters.filter((letter) => /[a-z0-9]/.test(letter)).map((letter) => `##${letter}`);
  const tokens = [...new Set([...special, ...words(), ...letters, ...continued])];
  const single = [token('[CLS]', 0), text('A', 0), token('[SEP]', 0)];
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single,
      pair: [...single, text('B', 1), token('[SEP]', 1)],
      special_tokens: Object.fromEntries(
        ['[CLS]', '[SEP]'].map((id) => [id, { id, ids: [tokens.indexOf(id)], tokens: [id] }]),
      ),
    },
    decoder: null,
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(tokens.map((one, id) => [one, id])),
    },
  };
}
