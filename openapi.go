// Package stent holds what is served as it stands in the repository's root.
package stent

import _ "embed"

// OpenAPI is openapi.yaml: the REST service's description, which its code is generated from.
//
//go:embed openapi.yaml
var OpenAPI []byte
