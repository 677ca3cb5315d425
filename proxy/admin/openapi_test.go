package admin

import (
	"encoding/json"
	"fmt"
	"math"
	"mime"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// spec is openapi.json.
type spec map[string]any

func readSpec(t *testing.T) spec {
	t.Helper()
	var s spec
	require.NoError(t, json.Unmarshal(openAPI, &s))
	return s
}

// at follows names into the file; nil if they lead nowhere. References are followed.
func (s spec) at(names ...string) map[string]any {
	node := map[string]any(s)
	for _, name := range names {
		next, ok := node[name].(map[string]any)
		if !ok {
			return nil
		}
		node = s.resolve(next)
	}
	return node
}

func (s spec) resolve(node map[string]any) map[string]any {
	if to, is := node["$ref"].(string); is {
		return s.at(strings.Split(strings.TrimPrefix(to, "#/"), "/")...)
	}
	return node
}

// described are the Go types behind the schemas.
var described = map[string]any{
	"Status": Status{}, "ControllerStatus": ControllerStatus{}, "LevelStatus": LevelStatus{}, "CoverageStatus": CoverageStatus{},
	"ServerStatus": ServerStatus{}, "State": Serving, "RegionStatus": RegionStatus{}, "PrimaryRef": PrimaryRef{}, "EdgeStatus": EdgeStatus{},
	"FailoverStatus": FailoverStatus{}, "StageStatus": StageStatus{}, "AlertStatus": AlertStatus{}, "EventType": EventGap, "Event": Event{},
	"FailoverMetrics": FailoverMetrics{}, "Figures": Figures{}, "StageDuration": StageDuration{}, "Replication": Replication{}, "Role": RoleGone,
	"Replica": Replica{}, "DrainRequest": DrainRequest{}, "DrainReply": DrainReply{}, "MoveRequest": MoveRequest{}, "MoveReply": MoveReply{},
	"FailureKind": FailureKill, "FailureRequest": FailureRequest{}, "FailureReply": FailureReply{}, "WantedRegion": WantedRegion{},
	"SetupRequest": SetupRequest{}, "SetupReply": SetupReply{}, "SetupRegion": SetupRegion{}, "ResetReply": ResetReply{}, "Problem": Problem{},
}

// The file and the Go types say the same: each field, whether it is always there,
// and what it is.
func TestSchemasAreTheTypes(t *testing.T) {
	s := readSpec(t)
	schemas := s.at("components", "schemas")
	require.Len(t, schemas, len(described))
	for name, v := range described {
		schema := s.at("components", "schemas", name)
		require.NotNil(t, schema, name)
		if problem := s.differs(schema, reflect.TypeOf(v)); problem != "" {
			t.Errorf("%s: %s", name, problem)
		}
	}
}

// differs tells how a schema is not a Go type's.
func (s spec) differs(schema map[string]any, typ reflect.Type) string {
	schema = s.resolve(schema)
	if list, is := schema["anyOf"].([]any); is && typ.Kind() == reflect.Pointer {
		return s.differs(list[0].(map[string]any), typ.Elem())
	}
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	want := map[reflect.Kind]string{
		reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Uint64: "integer", reflect.Float64: "number",
		reflect.Slice: "array", reflect.Struct: "object", reflect.Map: "object",
	}[typ.Kind()]
	if typ == reflect.TypeFor[time.Time]() {
		want = "string"
	}
	if schema["type"] != want {
		return fmt.Sprintf("is %v, the type %v", schema["type"], typ)
	}
	switch {
	case typ.Kind() == reflect.Slice:
		return s.differs(schema["items"].(map[string]any), typ.Elem())
	case typ.Kind() == reflect.Map:
		return s.differs(schema["additionalProperties"].(map[string]any), typ.Elem())
	case want != "object":
		return ""
	}
	return s.differsIn(schema, typ)
}

func (s spec) differsIn(schema map[string]any, typ reflect.Type) string {
	properties, required := schema["properties"].(map[string]any), schema["required"].([]any)
	seen := 0
	for _, field := range reflect.VisibleFields(typ) {
		if !field.IsExported() || field.Anonymous {
			continue
		}
		name, option, _ := strings.Cut(field.Tag.Get("json"), ",")
		property, there := properties[name].(map[string]any)
		if !there {
			return fmt.Sprintf("lacks %q", name)
		}
		seen++
		if optional := option == "omitempty"; optional == slices.Contains(required, any(name)) {
			return fmt.Sprintf("%q is required: %v", name, optional)
		}
		if problem := s.differs(property, field.Type); problem != "" {
			return name + " " + problem
		}
	}
	if seen != len(properties) {
		return fmt.Sprintf("has %d properties, the type %d", len(properties), seen)
	}
	return ""
}

// The file and the routes say the same: each path, its method, whether it is open.
func TestPathsAreTheRoutes(t *testing.T) {
	s := readSpec(t)
	require.Equal(t, "3.1.0", s["openapi"])
	require.Len(t, s.at("paths"), len(routes))
	for _, rt := range routes {
		methods := s.at("paths", rt.path)
		require.Len(t, methods, 1, rt.path)
		method := "post"
		if rt.get != nil {
			method = "get"
		}
		op, _ := methods[method].(map[string]any)
		require.NotNil(t, op, "%s %s", method, rt.path)
		_, overridden := op["security"]
		require.Equal(t, rt.open, overridden, "%s: open", rt.path)
		require.Equal(t, method == "post", op["requestBody"] != nil, rt.path)
		require.Equal(t, rt.test, strings.Contains(fmt.Sprint(op["description"]), "--enable-test-endpoints"), rt.path)
	}
}

// Every type of event that can be told is in the file.
func TestEventTypes(t *testing.T) {
	s := readSpec(t)
	types := s.at("components", "schemas", "EventType")["enum"].([]any)
	require.ElementsMatch(t, []any{
		"suspect", "held", "elected", "serving", "switch", "resent", "durable", "insync", "protection", "level", "alert", "drain", "move",
		"server_up", "server_down", "controller", "gap",
	}, types)
}

// check holds an answer against what the file says of it.
func (s spec) check(t *testing.T, req *http.Request, w *httptest.ResponseRecorder) {
	t.Helper()
	media, _, _ := mime.ParseMediaType(w.Header().Get("Content-Type"))
	path, method := pathOf(req.URL.Path), strings.ToLower(req.Method)
	if method == "head" {
		method = "get"
	}
	content := s.at("paths", path, method, "responses", fmt.Sprint(w.Code), "content", media)
	if s.at("paths", path, method) == nil { // a path or a method that there is not, or the page
		if w.Code == http.StatusOK {
			return
		}
		content = s.at("components", "responses", "Problem", "content", media)
	}
	require.NotNil(t, content, "%s %s answers %d with %q, which openapi.json does not know: %s", req.Method, req.URL, w.Code, media, w.Body)
	if !strings.HasSuffix(media, "json") {
		return
	}
	var v any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &v), "%s", w.Body)
	require.Empty(t, s.wrong(s.resolve(content["schema"].(map[string]any)), v), "%s %s answers %d: %s", req.Method, req.URL, w.Code, w.Body)
}

// pathOf is the path as the file has it.
func pathOf(path string) string {
	if strings.HasPrefix(path, "/mesh/replication/") {
		return "/mesh/replication/{region_id}"
	}
	return path
}

// wrong tells what is not as the schema says, of as much of JSON Schema as the file
// uses.
func (s spec) wrong(schema map[string]any, v any) string {
	schema = s.resolve(schema)
	if list, is := schema["anyOf"].([]any); is {
		for _, one := range list {
			if s.wrong(one.(map[string]any), v) == "" {
				return ""
			}
		}
		return fmt.Sprintf("%v is none of %v", v, list)
	}
	if list, is := schema["enum"].([]any); is && !slices.Contains(list, v) {
		return fmt.Sprintf("%v is not of %v", v, list)
	}
	number, isNumber := v.(float64)
	if low, is := schema["minimum"].(float64); is && isNumber && number < low {
		return fmt.Sprintf("%v is below %v", v, low)
	}
	if high, is := schema["maximum"].(float64); is && isNumber && number > high {
		return fmt.Sprintf("%v is above %v", v, high)
	}
	ok := false
	switch schema["type"] {
	case "null":
		ok = v == nil
	case "string":
		text, is := v.(string)
		ok = is
		if _, err := time.Parse(time.RFC3339Nano, text); schema["format"] == "date-time" && err != nil {
			return err.Error()
		}
	case "boolean":
		_, ok = v.(bool)
	case "number":
		ok = isNumber
	case "integer":
		ok = isNumber && number == math.Trunc(number)
	case "array":
		list, is := v.([]any)
		for _, one := range list {
			if problem := s.wrong(schema["items"].(map[string]any), one); problem != "" {
				return problem
			}
		}
		ok = is
	case "object":
		return s.wrongObject(schema, v)
	}
	if !ok {
		return fmt.Sprintf("%v is no %v", v, schema["type"])
	}
	return ""
}

func (s spec) wrongObject(schema map[string]any, v any) string {
	object, is := v.(map[string]any)
	if !is {
		return fmt.Sprintf("%v is no object", v)
	}
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if _, there := object[name.(string)]; !there {
			return fmt.Sprintf("%v is missing", name)
		}
	}
	properties, _ := schema["properties"].(map[string]any)
	for name, one := range object {
		property, known := properties[name].(map[string]any)
		if rest, open := schema["additionalProperties"].(map[string]any); !known && open {
			property, known = rest, true
		}
		if !known && schema["additionalProperties"] == false {
			return name + " is not known"
		}
		if problem := s.wrong(property, one); known && problem != "" {
			return name + ": " + problem
		}
	}
	return ""
}

// The validator must notice.
func TestWrong(t *testing.T) {
	s := readSpec(t)
	for text, want := range map[string]string{
		`{"name":"held","ms":1}`:             "",
		`{"name":"helt","ms":1}`:             "name: helt is not of",
		`{"name":"held"}`:                    "ms is missing",
		`{"name":"held","ms":"1"}`:           "ms: 1 is no number",
		`{"name":"held","ms":1,"more":true}`: "more is not known",
		`[]`:                                 "is no object",
	} {
		var v any
		require.NoError(t, json.Unmarshal([]byte(text), &v))
		got := s.wrong(s.at("components", "schemas", "StageStatus"), v)
		require.Contains(t, got, want, text)
		require.Equal(t, want == "", got == "", "%s: %s", text, got)
	}
}
