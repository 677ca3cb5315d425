package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery/consultest"
)

// diagnosis is the answer of reseat doctor --json.
type diagnosis struct {
	Findings []struct{ Check, Level, Text, Do string }
	Failed   int
}

// examine runs the doctor, with settings in the environment.
func examine(t *testing.T, args ...string) (d diagnosis, err error) {
	t.Helper()
	out, err := call(t, append([]string{"doctor", "--json"}, args...)...)
	require.NoError(t, json.Unmarshal([]byte(out), &d), out)
	return d, err
}

func (d diagnosis) texts(check string) (out []string) {
	for _, f := range d.Findings {
		if f.Check == check {
			out = append(out, f.Level+" "+f.Text)
		}
	}
	return out
}

// The policies in deploy pass the doctor on a real Consul, and each rule that is
// taken out of one is missed by name.
func TestDoctorKnowsThePolicies(t *testing.T) {
	agent := consultest.Start(t, consultest.WithACLs())
	t.Setenv("HOME", t.TempDir())
	t.Setenv("RESEAT_EDGE_REGIONS", "arena")
	t.Setenv("RESEAT_EDGE_LISTEN", "127.0.0.1:0")
	t.Setenv("RESEAT_EDGE_ADMIN_LISTEN", "127.0.0.1:0")
	t.Setenv("RESEAT_SIDECAR_REGIONS", "arena")
	for _, role := range []string{"EDGE", "SIDECAR"} {
		t.Setenv("RESEAT_"+role+"_CONSUL_ADDRESS", agent.Address)
	}
	for role, rules := range map[string][]string{
		"edge":    {`key_prefix "reseat/" {`, `key_prefix "reseat/.mesh/"`, `service "reseat-game" {`, `service "reseat-game-edge"`, `session`, `node_prefix`},
		"sidecar": {`key_prefix "reseat/" {`, `key_prefix "reseat/.mesh/drain/"`, `service "reseat-game" {`, `session_prefix`, `node_prefix`},
	} {
		args := map[string][]string{"edge": nil, "sidecar": {"--sidecar"}}[role]
		token := filepath.Join(t.TempDir(), "token")
		t.Setenv("RESEAT_"+strings.ToUpper(role)+"_CONSUL_TOKEN_FILE", token)
		policy := policyOf(t, role, consultest.Node)
		require.NoError(t, os.WriteFile(token, []byte(agent.NewToken(role+"-whole", policy)), 0o600))
		d, err := examine(t, args...)
		require.NoError(t, err, "%v", d)
		require.Len(t, d.texts("consul rights"), 1)
		require.Contains(t, d.texts("consul rights")[0], "ok ", role)
		require.Contains(t, d.texts("consul")[0], "ok "+agent.Address+" is Consul ")

		for i, rule := range rules {
			less := without(t, policy, rule)
			require.NoError(t, os.WriteFile(token, []byte(agent.NewToken(fmt.Sprintf("%s-less-%d", role, i), less)), 0o600))
			d, err := examine(t, args...)
			require.ErrorContains(t, err, " checks fail", "%s without %s", role, rule)
			require.Equal(t, 1, exitCode(err))
			resource, _, _ := strings.Cut(rule, " ")
			require.Contains(t, strings.Join(d.texts("consul rights"), "\n"), resource, "%s without %s", role, rule)
		}
	}
}

// without takes one rule out of a policy.
func without(t *testing.T, policy, rule string) string {
	t.Helper()
	begin := strings.Index(policy, "\n"+rule)
	require.GreaterOrEqual(t, begin, 0, rule)
	end := strings.Index(policy[begin:], "\n}")
	return policy[:begin] + policy[begin+end+2:]
}

// Wrong settings are findings among others, and the machine is looked at all the same.
func TestDoctorWithoutSettings(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	file := filepath.Join(t.TempDir(), "edge.yaml")
	require.NoError(t, os.WriteFile(file, []byte("listen: 127.0.0.1\nlimts: {}\n"), 0o600))
	d, err := examine(t, "--config", file)
	require.ErrorContains(t, err, "checks fail")
	require.Equal(t, 1, exitCode(err))
	require.Equal(t, 1, d.Failed)
	require.Equal(t, []string{"fail " + file + ":2: limts: unknown key; did you mean limits?"}, d.texts("settings"))
	require.NotEmpty(t, d.texts("open files"))
	require.Empty(t, d.texts("consul"))

	out, err := call(t, "doctor", "-c", "/nowhere.yaml")
	require.Error(t, err)
	require.Contains(t, out, "fail  settings        /nowhere.yaml: no such file\n")

	t.Setenv("RESEAT_EDGE_REGIONS", "arena")
	t.Setenv("RESEAT_EDGE_LISTEN", "127.0.0.1:0")
	t.Setenv("RESEAT_EDGE_CONSUL_ADDRESS", "127.0.0.1:1")
	d, _ = examine(t)
	require.Contains(t, d.texts("consul")[0], "fail 127.0.0.1:1 does not answer")
}
