package http

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"

	"github.com/stent-dev/stent/internal/workflow"
)

var (
	timeFormat = openapi3.WithStringFormatValidator("date-time", openapi3.NewCallbackValidator(func(text string) error {
		_, err := time.Parse(time.RFC3339, text)
		return err
	}))
	bodyOptions      = []openapi3.SchemaValidationOption{openapi3.VisitAsRequest(), openapi3.MultiErrors(), timeFormat}
	parameterOptions = &openapi3filter.Options{
		SkipSettingDefaults: true, MultiError: true, SchemaValidationOptions: []openapi3.SchemaValidationOption{timeFormat},
	}
)

// describeParameter says in our words what the validator found wrong with a parameter.
func describeParameter(p *openapi3.Parameter, err error) workflow.FieldErrors {
	pointer := parameterPointer(p)
	var unparsed *openapi3filter.ParseError
	switch {
	case errors.Is(err, openapi3filter.ErrInvalidRequired):
		return workflow.FieldErrors{{Pointer: pointer, Detail: "is required"}}
	case errors.Is(err, openapi3filter.ErrInvalidEmptyValue):
		return workflow.FieldErrors{{Pointer: pointer, Detail: "must not be empty"}}
	case errors.As(err, &unparsed):
		return workflow.FieldErrors{{Pointer: pointer, Detail: "must be " + article(p.Schema.Value)}}
	}
	var of *openapi3filter.RequestError
	if errors.As(err, &of) {
		return describe(pointer, of.Err)
	}
	return describe(pointer, err)
}

// describe says in our words what the validator found wrong with a value.
func describe(pointer string, err error) workflow.FieldErrors {
	var several openapi3.MultiError
	var fault *openapi3.SchemaError
	switch {
	case errors.As(err, &several):
		var all workflow.FieldErrors
		for _, one := range several {
			all = append(all, describe(pointer, one)...)
		}
		return all
	case !errors.As(err, &fault):
		return workflow.FieldErrors{{Pointer: pointer, Detail: "is not valid"}}
	}
	for _, key := range fault.JSONPointer() {
		pointer += pointTo(key, "")
	}
	if fault.SchemaField == "properties" {
		return workflow.FieldErrors{{Pointer: pointer + pointTo(unknownField(fault.Reason), ""), Detail: "is not a field of this object"}}
	}
	return workflow.FieldErrors{{Pointer: pointer, Detail: detail(fault)}}
}

// unknownField takes the name out of `property "name" is unsupported`, the only place where it is told.
func unknownField(reason string) string {
	quoted := strings.TrimSuffix(strings.TrimPrefix(reason, "property "), " is unsupported")
	name, err := strconv.Unquote(quoted)
	if err != nil {
		return quoted
	}
	return name
}

func detail(fault *openapi3.SchemaError) string {
	s := fault.Schema
	switch fault.SchemaField {
	case "required":
		return "is required"
	case "nullable":
		return "must not be null"
	case "type":
		return "must be " + article(s)
	case "enum":
		return "must be one of " + alternatives(s.Enum)
	case "minimum":
		return fmt.Sprintf("must be at least %.15g", *s.Min)
	case "maximum":
		return fmt.Sprintf("must be at most %.15g", *s.Max)
	case "minLength":
		return "must not be empty"
	case "maxLength":
		return fmt.Sprintf("must have at most %d characters", *s.MaxLength)
	case "minItems":
		return "must not be empty"
	case "minProperties":
		return "must have at least one of " + alternatives(properties(s))
	case "maxItems":
		return fmt.Sprintf("must have at most %d items", *s.MaxItems)
	case "pattern":
		return patternDetail(s)
	case "format":
		if s.Format == "date-time" {
			return `must be an RFC 3339 time such as "2026-01-02T03:04:05.000000Z"`
		}
		return "must be a whole number of 64 bits"
	}
	return "is not valid"
}

// article gives the type of a schema with its article.
func article(s *openapi3.Schema) string {
	switch {
	case s.Type.Is(openapi3.TypeInteger):
		return "a whole number"
	case s.Type.Is(openapi3.TypeArray):
		return "an array"
	case s.Type.Is(openapi3.TypeObject):
		return "an object"
	case s.Type.Is(openapi3.TypeBoolean):
		return "true or false"
	}
	return "a " + strings.Join(s.Type.Slice(), " or ")
}

func alternatives(values []any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprintf("%q", v)
	}
	return strings.Join(texts, ", ")
}

func properties(s *openapi3.Schema) []any {
	var names []any
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		names = append(names, name)
	}
	return names
}

// patternDetail says what a pattern of openapi.yaml is for.
func patternDetail(s *openapi3.Schema) string {
	switch {
	case strings.HasSuffix(s.Pattern, "(ms|s|m|h|d))+$"):
		return "is " + workflow.ErrBadDuration.Error()
	case s.Format == "uuid":
		return "must be a UUID"
	case s.Pattern == "^[ -~]*$":
		return "must be printable ASCII"
	}
	return "must not have control characters"
}
