package fleet

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStoredEventIsTheSame(t *testing.T) {
	line := `{"time":"2026-01-02T03:04:05.000000006Z","level":"INFO","msg":"set","event":"insync","members":["a",1,"b"],"epoch":3,"region":"demo"}`
	e, ok := ParseEvent("game-1", []byte(line), time.Time{})
	require.True(t, ok)
	require.Equal(t, []string{"a", "b"}, e.Texts("members"))
	require.Nil(t, e.Texts("epoch"))

	data, err := json.Marshal(e)
	require.NoError(t, err)
	var back Event
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, e, back)
	require.Error(t, json.Unmarshal([]byte(`{"attrs":1}`), &back))
}
