package fleet

import (
	"encoding/json"
	"time"
)

// stored is an event in a file. Name and Msg are among the attributes.
type stored struct {
	From  string         `json:"from"`
	At    time.Time      `json:"at"`
	Attrs map[string]any `json:"attrs"`
}

// MarshalJSON stores the event with all its attributes.
func (e Event) MarshalJSON() ([]byte, error) {
	return json.Marshal(stored{From: e.From, At: e.At, Attrs: e.attrs})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (e *Event) UnmarshalJSON(data []byte) error {
	var s stored
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	*e = Event{From: s.From, At: s.At, attrs: s.Attrs}
	e.Name, e.Msg = e.Text("event"), e.Text("msg")
	return nil
}

// Decode decodes the attribute key, whatever it is, into v.
func (e Event) Decode(key string, v any) error {
	data, err := json.Marshal(e.attrs[key])
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}

// Flag is the attribute key as a truth value; false if it is none.
func (e Event) Flag(key string) bool {
	b, _ := e.attrs[key].(bool)
	return b
}

// Texts is the attribute key as a list of texts; nil if it is none.
func (e Event) Texts(key string) []string {
	list, _ := e.attrs[key].([]any)
	var out []string
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}
