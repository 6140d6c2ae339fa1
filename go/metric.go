package scopeflow

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// MetricKind is what a measurement is of.
type MetricKind string

const (
	// MetricKindCounter is a sum that only grows.
	MetricKindCounter MetricKind = "counter"
	// MetricKindUpDownCounter is a sum that may shrink.
	MetricKindUpDownCounter MetricKind = "up_down_counter"
	// MetricKindGauge is a level.
	MetricKindGauge MetricKind = "gauge"
	// MetricKindHistogram is values of which the distribution counts.
	MetricKindHistogram MetricKind = "histogram"
)

// MetricValueType is what kind of number a measurement's value is.
type MetricValueType string

const (
	// MetricValueTypeU64 is an integer of 0 and more.
	MetricValueTypeU64 MetricValueType = "u64"
	// MetricValueTypeI64 is an integer.
	MetricValueTypeI64 MetricValueType = "i64"
	// MetricValueTypeF64 is a finite number.
	MetricValueTypeF64 MetricValueType = "f64"
)

// MetricMeasurement is one measured value, in the form that NeMo Relay has for it.
type MetricMeasurement struct {
	// Name is what is measured: a letter, then letters, digits, `_`, `.`, `-`, `/`; at most 255.
	Name string `json:"name"`
	// Kind says what it is of.
	Kind MetricKind `json:"kind"`
	// ValueType is u64 or f64 of a counter or a histogram, i64 or f64 of an up-down counter, any of a
	// gauge.
	ValueType MetricValueType `json:"value_type"`
	// Value is a Go integer or, as f64, any number: of a counter and as u64 0 or more, never above
	// 2^63 - 1, always finite.
	Value any `json:"value"`
	// Unit is ASCII, at most 63 characters; empty for none.
	Unit string `json:"unit,omitempty"`
	// Description says what it is, for people.
	Description string `json:"description,omitempty"`
	// Attributes tell it from others: texts, numbers, booleans, or slices of one kind of them.
	Attributes map[string]any `json:"attributes,omitempty"`
	// Boundaries of a histogram: at most 64 upper limits, each greater than the one before.
	Boundaries []float64 `json:"boundaries,omitempty"`
}

const (
	metricBoundaryLimit  = 64
	metricUnitLimitBytes = 63
)

var (
	metricName   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.\-/]{0,254}$`)
	metricSchema = map[string]any{"name": "nemo.relay.metric_measurements", "version": "1"}
	metricTypes  = map[MetricKind][]MetricValueType{
		MetricKindCounter:       {MetricValueTypeU64, MetricValueTypeF64},
		MetricKindUpDownCounter: {MetricValueTypeI64, MetricValueTypeF64},
		MetricKindGauge:         {MetricValueTypeU64, MetricValueTypeI64, MetricValueTypeF64},
		MetricKindHistogram:     {MetricValueTypeU64, MetricValueTypeF64},
	}
)

// EmitMetric emits a mark of measurements under the current scope; its data is
// `{"measurements": […]}`. What is measured is checked here, so that whoever reads the file can rely
// on it. Two measurements of one name agree on kind, value type and unit.
//
// Options: [WithParent], [WithMetadata], [WithSeverity], [WithTimestamp].
// Errors: invalid_argument says which member of which measurement is wrong.
func (r *Runtime) EmitMetric(
	ctx context.Context, name string, measurements []MetricMeasurement, options ...EventOption,
) error {
	if err := checkMeasurements(measurements); err != nil {
		return err
	}
	own := []EventOption{
		WithData(map[string]any{"measurements": measurements}), WithDataSchema(metricSchema),
	}
	return r.EmitEvent(ctx, name, append(own, options...)...)
}

// EmitMetric is [Runtime.EmitMetric] on the context's runtime, else on the default one.
func EmitMetric(
	ctx context.Context, name string, measurements []MetricMeasurement, options ...EventOption,
) error {
	r, err := runtimeOfContext(ctx)
	if err != nil {
		return err
	}
	return r.EmitMetric(ctx, name, measurements, options...)
}

func checkMeasurements(measurements []MetricMeasurement) error {
	if len(measurements) == 0 {
		return invalidArgument("a metric needs at least one measurement")
	}
	type facts struct {
		kind      MetricKind
		valueType MetricValueType
		unit      string
	}
	known := make(map[string]facts, len(measurements))
	for i := range measurements {
		m := &measurements[i]
		if problem := m.problem(); problem != "" {
			return invalidArgument(fmt.Sprintf("measurement %d %q: %s", i, m.Name, problem))
		}
		name, own := strings.ToLower(m.Name), facts{m.Kind, m.ValueType, m.Unit}
		if other, exists := known[name]; exists && other != own {
			return invalidArgument(fmt.Sprintf(
				"measurement %d %q stands here twice, with another kind, value type or unit", i, m.Name))
		}
		known[name] = own
	}
	return nil
}

// problem says what is wrong with a measurement, nothing if it is right.
func (m *MetricMeasurement) problem() string {
	if !metricName.MatchString(m.Name) {
		return "Name must be a letter and at most 254 of letters, digits, _ . - /"
	}
	allowed, isKnown := metricTypes[m.Kind]
	if !isKnown {
		return fmt.Sprintf("Kind must be a MetricKind, not %q", m.Kind)
	}
	if !slices.Contains(allowed, m.ValueType) {
		return fmt.Sprintf("ValueType of a %s must be one of %v, not %q", m.Kind, allowed, m.ValueType)
	}
	if problem := m.problemOfValue(); problem != "" {
		return problem
	}
	if len(m.Unit) > metricUnitLimitBytes || strings.ContainsFunc(m.Unit, isNoASCII) {
		return fmt.Sprintf("Unit must be ASCII of at most %d characters", metricUnitLimitBytes)
	}
	for name, value := range m.Attributes {
		if !isMetricAttribute(reflect.ValueOf(value)) {
			return fmt.Sprintf("attribute %q must be a text, number, boolean, or a slice of one kind", name)
		}
	}
	return m.problemOfBoundaries()
}

func (m *MetricMeasurement) problemOfValue() string {
	v := reflect.ValueOf(m.Value)
	isNegative := false
	switch {
	case v.IsValid() && v.CanInt():
		isNegative = v.Int() < 0
	case v.IsValid() && v.CanUint():
		if v.Uint() > math.MaxInt64 {
			return fmt.Sprintf("Value must be at most %d, not %d", int64(math.MaxInt64), v.Uint())
		}
	case v.IsValid() && v.CanFloat() && m.ValueType == MetricValueTypeF64:
		if !isFinite(v.Float()) {
			return fmt.Sprintf("Value must be a finite number, not %v", m.Value)
		}
		isNegative = v.Float() < 0
	default:
		return fmt.Sprintf("Value as %s must not be %T", m.ValueType, m.Value)
	}
	if isNegative && (m.ValueType == MetricValueTypeU64 || m.Kind == MetricKindCounter) {
		return fmt.Sprintf("Value must be 0 or more, not %v", m.Value)
	}
	return ""
}

func (m *MetricMeasurement) problemOfBoundaries() string {
	if len(m.Boundaries) == 0 {
		return ""
	}
	if m.Kind != MetricKindHistogram {
		return fmt.Sprintf("Boundaries are of histograms, not of a %s", m.Kind)
	}
	if len(m.Boundaries) > metricBoundaryLimit {
		return fmt.Sprintf("at most %d Boundaries, not %d", metricBoundaryLimit, len(m.Boundaries))
	}
	for i, b := range m.Boundaries {
		if !isFinite(b) {
			return "Boundaries must be finite numbers"
		}
		if i > 0 && m.Boundaries[i-1] >= b {
			return "each of the Boundaries must be greater than the one before"
		}
	}
	return ""
}

func isMetricAttribute(v reflect.Value) bool {
	if v.IsValid() && (v.Kind() == reflect.Slice || v.Kind() == reflect.Array) {
		for i := range v.Len() {
			element := v.Index(i)
			if element.Kind() == reflect.Interface {
				element = element.Elem()
			}
			if !isMetricScalar(element) || kindOfElement(v, 0) != element.Kind() {
				return false
			}
		}
		return v.Len() > 0
	}
	return isMetricScalar(v)
}

func kindOfElement(v reflect.Value, index int) reflect.Kind {
	if element := v.Index(index); element.Kind() != reflect.Interface {
		return element.Kind()
	}
	return v.Index(index).Elem().Kind()
}

func isMetricScalar(v reflect.Value) bool {
	if !v.IsValid() {
		return false
	}
	if v.CanFloat() {
		return isFinite(v.Float())
	}
	return v.Kind() == reflect.String || v.Kind() == reflect.Bool || v.CanInt() || v.CanUint()
}

func isFinite(value float64) bool { return !math.IsNaN(value) && !math.IsInf(value, 0) }

func isNoASCII(r rune) bool { return r > 127 }
