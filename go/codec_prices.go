package scopeflow

import "runtime"

// PriceCatalogue tells what models cost (examples/prices.json).
type PriceCatalogue struct {
	Entries []PriceEntry `json:"entries"`
}

// PriceEntry is what one model costs: Rates, or a RateSchedule.
type PriceEntry struct {
	Provider string `json:"provider"`
	ModelID  string `json:"model_id"`
	// Aliases are other names that the model goes by.
	Aliases []string `json:"aliases,omitempty"`
	// Currency is USD if nothing is said.
	Currency     string         `json:"currency,omitempty"`
	Rates        *PriceRates    `json:"rates,omitempty"`
	RateSchedule *PriceSchedule `json:"rate_schedule,omitempty"`
	// PricingAsOf says when the prices held, PricingSource where they stood.
	PricingAsOf   string `json:"pricing_as_of,omitempty"`
	PricingSource string `json:"pricing_source,omitempty"`
}

// PriceRates are what a million tokens of each kind cost; what is nil is not known, but for input and
// output.
type PriceRates struct {
	InputPerMillion        float64  `json:"input_per_million"`
	OutputPerMillion       float64  `json:"output_per_million"`
	CacheReadPerMillion    *float64 `json:"cache_read_per_million,omitempty"`
	CacheWritePerMillion   *float64 `json:"cache_write_per_million,omitempty"`
	CacheWrite1hPerMillion *float64 `json:"cache_write_1h_per_million,omitempty"`
	InputAudioPerMillion   *float64 `json:"input_audio_per_million,omitempty"`
	OutputAudioPerMillion  *float64 `json:"output_audio_per_million,omitempty"`
}

// PriceSchedule are rates that depend on how many tokens the prompt has.
type PriceSchedule struct {
	// Type is `prompt_token_threshold`.
	Type      string      `json:"type"`
	AppliesTo string      `json:"applies_to,omitempty"`
	Tiers     []PriceTier `json:"tiers"`
}

// PriceTier are the rates of prompts between two sizes.
type PriceTier struct {
	MinPromptTokens *int64     `json:"min_prompt_tokens,omitempty"`
	MaxPromptTokens *int64     `json:"max_prompt_tokens,omitempty"`
	Rates           PriceRates `json:"rates"`
}

// UsePrices says what models cost, for `usage.cost` of the responses that are decoded from now on. A
// catalogue is a [PriceCatalogue], or anything else that is written as such an object: the text of a file
// as [json.RawMessage]. Of several that have a model the first one counts; none at all take the prices
// away.
//
// What the provider says that a response has cost stands, and tokens without a rate give no total.
//
// What is wrong in a catalogue is an [ErrInvalidArgument] with its path; then the prices stay as they
// were.
func (r *Runtime) UsePrices(catalogues ...any) error {
	if err := r.usable(); err != nil {
		return err
	}
	defer runtime.KeepAlive(r)
	if len(catalogues) == 0 {
		return coreCodecSetPrices(r.handle, 0)
	}
	lent := r.slots.put(0, catalogues)
	defer r.slots.take(lent)
	return coreCodecSetPrices(r.handle, lent)
}

// UsePrices is [Runtime.UsePrices] on the default runtime.
func UsePrices(catalogues ...any) error {
	r, err := Default()
	if err != nil {
		return err
	}
	return r.UsePrices(catalogues...)
}
