import { lending } from "./core-codec.js";
import type { RuntimeOperations } from "./operations.gen.js";

/** What a million tokens of each kind cost. */
export interface PriceRates {
  input_per_million: number;
  output_per_million: number;
  cache_read_per_million?: number;
  cache_write_per_million?: number;
  /** What was written to a cache for an hour. */
  cache_write_1h_per_million?: number;
  input_audio_per_million?: number;
  output_audio_per_million?: number;
}

/** Rates that depend on how many tokens the prompt has. */
export interface PriceSchedule {
  type: "prompt_token_threshold";
  applies_to?: string;
  tiers: { min_prompt_tokens?: number; max_prompt_tokens?: number; rates: PriceRates }[];
}

/** What one model costs: `rates` or a `rate_schedule`. */
export interface PriceEntry {
  provider: string;
  model_id: string;
  /** Other names that it goes by. */
  aliases?: string[];
  /** USD if nothing is said. */
  currency?: string;
  rates?: PriceRates;
  rate_schedule?: PriceSchedule;
  /** When the prices held. */
  pricing_as_of?: string;
  /** Where they stood. */
  pricing_source?: string;
  [member: string]: unknown;
}

/** What models cost, such as examples/prices.json. */
export interface PriceCatalogue {
  entries: PriceEntry[];
  [member: string]: unknown;
}

export function setPrices(runtime: RuntimeOperations, catalogues: readonly unknown[]): void {
  if (catalogues.length === 0) runtime.codecSetPrices(0);
  else lending(runtime, [catalogues], (ref) => runtime.codecSetPrices(ref!));
}
