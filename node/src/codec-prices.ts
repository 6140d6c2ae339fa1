import { lending } from "./core-codec.js";
import type { RuntimeOperations } from "./operations.gen.js";

/** What a million tokens of each kind cost. */
export interface PriceRates {
  /** Of input that came from no cache. */
  input_per_million: number;
  /** Of output, reasoning among it. */
  output_per_million: number;
  /** Of input that was read from a cache. */
  cache_read_per_million?: number;
  /** Of input that was written to a cache. */
  cache_write_per_million?: number;
  /** What was written to a cache for an hour. */
  cache_write_1h_per_million?: number;
  /** Of sound in the input. */
  input_audio_per_million?: number;
  /** Of sound in the output. */
  output_audio_per_million?: number;
}

/** Rates that depend on how many tokens the prompt has. */
export interface PriceSchedule {
  /** What the rates depend on. */
  type: "prompt_token_threshold";
  /** `full_request`, which is what holds if nothing is said: one tier is for all tokens. */
  applies_to?: string;
  /** Each with its limits, both inclusive and both optional. */
  tiers: { min_prompt_tokens?: number; max_prompt_tokens?: number; rates: PriceRates }[];
}

/** What one model costs: `rates` or a `rate_schedule`. */
export interface PriceEntry {
  /** Who sells it. */
  provider: string;
  /** The model's name, as requests and responses have it. */
  model_id: string;
  /** Other names that it goes by. */
  aliases?: string[];
  /** USD if nothing is said. */
  currency?: string;
  /** What tokens cost, however many there are. */
  rates?: PriceRates;
  /** What they cost by the length of the prompt. */
  rate_schedule?: PriceSchedule;
  /** When the prices held. */
  pricing_as_of?: string;
  /** Where they stood. */
  pricing_source?: string;
  /** Anything else, which is left alone. */
  [member: string]: unknown;
}

/** What models cost, such as examples/prices.json. */
export interface PriceCatalogue {
  /** A model each. */
  entries: PriceEntry[];
  /** Anything else, which is left alone. */
  [member: string]: unknown;
}

/** @internal */
export function setPrices(runtime: RuntimeOperations, catalogues: readonly unknown[]): void {
  if (catalogues.length === 0) runtime.codecSetPrices(0);
  else lending(runtime, [catalogues], (ref) => runtime.codecSetPrices(ref!));
}
