package discovery

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	consul "github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// key is a pair below the prefix "reseat/".
func key(path, session string, index uint64, value string) *consul.KVPair {
	return &consul.KVPair{Key: "reseat/" + path, Session: session, ModifyIndex: index, Value: []byte(value)}
}

func TestReadKeys(t *testing.T) {
	since := time.Unix(1_700_000_000, 0).UTC()
	who := Controller{Edge: "e", Incarnation: "i", Admin: "https://h:1", Since: since, Session: "s"}
	written, err := json.Marshal(who)
	require.NoError(t, err)
	for _, test := range []struct {
		name string
		pair *consul.KVPair
		want meshKeys
		odd  map[string]int
	}{
		{"controller", key(".mesh/controller", "s", 3, string(written)), meshKeys{controller: &who}, nil},
		{"resigned", key(".mesh/controller", "", 3, ""), meshKeys{}, nil},
		{"died", key(".mesh/controller", "", 3, string(written)), meshKeys{}, nil},
		{"another's value", key(".mesh/controller", "t", 3, string(written)), meshKeys{controller: &Controller{Session: "t"}}, map[string]int{"": 1}},
		{
			"no admin address",
			key(".mesh/controller", "s", 3, `{"incarnation":"i","session":"s","admin":"javascript:x"}`),
			meshKeys{controller: &Controller{Session: "s"}},
			map[string]int{"": 1},
		},
		{"huge controller", key(".mesh/controller", "s", 3, string(written)+strings.Repeat(" ", maxNote)), meshKeys{controller: &Controller{Session: "s"}}, map[string]int{"": 1}},
		{
			"seats",
			key(".mesh/seats/r", "", 4, `{"servers":["b","a","b"],"lead":"a","score":18446744073709551615}`),
			meshKeys{seats: map[string]Seats{"r": {Servers: []string{"a", "b"}, Lead: "a", Score: math.MaxUint64, Version: 4}}},
			nil,
		},
		{"no seats", key(".mesh/seats/r", "", 4, `{}`), meshKeys{seats: map[string]Seats{"r": {Version: 4}}}, nil},
		{"seats of no name", key(".mesh/seats/r", "", 4, `{"servers":["a/b"],"score":4}`), meshKeys{seats: map[string]Seats{"r": {Version: 4}}}, map[string]int{"r": 1}},
		{"lead of no name", key(".mesh/seats/r", "", 4, `{"lead":"a/b"}`), meshKeys{seats: map[string]Seats{"r": {Version: 4}}}, map[string]int{"r": 1}},
		{"score below 0", key(".mesh/seats/r", "", 4, `{"score":-1}`), meshKeys{seats: map[string]Seats{"r": {Version: 4}}}, map[string]int{"r": 1}},
		{"too many seats", key(".mesh/seats/r", "", 4, `{"servers":`+names(maxMembers+1)+`}`), meshKeys{seats: map[string]Seats{"r": {Version: 4}}}, map[string]int{"r": 1}},
		{"seats of no region", key(".mesh/seats/a b", "", 4, `{}`), meshKeys{}, map[string]int{"": 1}},
		{
			"state",
			key(".mesh/state", "", 5, `{"level":"light","fidelity":0.75,"since":"2023-11-14T22:13:20Z","retry_after_ms":10}`),
			meshKeys{state: MeshState{Level: "light", Fidelity: 0.75, Since: since, RetryAfter: 10}, stateAt: 5},
			nil,
		},
		{"no state", key(".mesh/state", "", 5, `null`), meshKeys{stateAt: 5}, map[string]int{"": 1}},
		{"too much fidelity", key(".mesh/state", "", 5, `{"level":"light","fidelity":1e300}`), meshKeys{stateAt: 5}, map[string]int{"": 1}},
		{"retry next year", key(".mesh/state", "", 5, `{"level":"light","retry_after_ms":31536000000}`), meshKeys{stateAt: 5}, map[string]int{"": 1}},
		{
			"drain",
			key(".mesh/drain/i", "", 6, `{"by":"shutdown","since":"2023-11-14T22:13:20Z"}`),
			meshKeys{draining: map[string]Drain{"i": {By: "shutdown", Since: since}}},
			nil,
		},
		{"drain by hand", key(".mesh/drain/i", "", 6, ""), meshKeys{draining: map[string]Drain{"i": {}}}, map[string]int{"": 1}},
		{"drain of no name", key(".mesh/drain/", "", 6, "{}"), meshKeys{}, map[string]int{"": 1}},
		{"of another version", key(".mesh/new", "", 7, "x"), meshKeys{}, nil},
		{"region's", key("r/epoch", "", 8, "7"), meshKeys{regions: map[string]regionState{"r": {epoch: 7, epochIndex: 8}}}, nil},
		{"region's, garbage", key("r/epoch", "", 8, "x"), meshKeys{regions: map[string]regionState{"r": {epochIndex: 8}}}, map[string]int{"r": 1}},
		{"no region's", key("a b/epoch", "", 8, "7"), meshKeys{}, map[string]int{"": 1}},
		{"region's, of another version", key("r/new", "", 8, "7"), meshKeys{}, nil},
		{"another prefix's", key("r/s/lock", "", 8, "7"), meshKeys{}, nil},
		{"folder", key("", "", 8, ""), meshKeys{}, nil},
		{"absent", key("r/epoch", "", 0, ""), meshKeys{}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := readOnce(consul.KVPairs{nil, test.pair})
			odd := map[string]int{}
			for region, list := range got.odd {
				if len(list) > 0 {
					odd[region] = len(list)
				}
			}
			require.Len(t, odd, len(test.odd), "%v", got.odd)
			for region, n := range test.odd {
				require.Equal(t, n, odd[region], "%v", got.odd)
			}
			for region, state := range got.regions {
				state.odd = nil
				got.regions[region] = state
			}
			require.Equal(t, orEmpty(test.want.regions), got.regions)
			require.Equal(t, orEmpty(test.want.seats), got.seats)
			require.Equal(t, orEmpty(test.want.draining), got.draining)
			require.Equal(t, test.want.controller, got.controller)
			require.Equal(t, test.want.state, got.state)
			require.Equal(t, test.want.stateAt, got.stateAt)
		})
	}
}

func orEmpty[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}

// TestOdditiesAreBounded: what a thousand bad names cost in the log.
func TestOdditiesAreBounded(t *testing.T) {
	var pairs consul.KVPairs
	for i := range 1000 {
		pairs = append(pairs, key(fmt.Sprintf("a b%d/lock", i), "", 1, "x"), key(fmt.Sprintf(".mesh/drain/a b%d", i), "", 1, "x"))
	}
	odd := readOnce(pairs).odd
	require.Len(t, odd, 1)
	require.Len(t, odd[""], maxOdd)
}

// FuzzReadKeys: whatever the keys and values of others are, what is read of them
// can be relied on, and those of a good region are what they were.
func FuzzReadKeys(f *testing.F) {
	f.Add(".mesh/controller", "s", `{"edge":"e","incarnation":"i","admin":"http://h","since":"2023-11-14T22:13:20Z","session":"s"}`)
	f.Add(".mesh/seats/r", "", `{"servers":["a","b"],"lead":"a","score":1}`)
	f.Add(".mesh/seats/r", "", `{"servers":[""],"lead":1,"score":1e30}`)
	f.Add(".mesh/state", "", `{"level":"severe","fidelity":0.25,"retry_after_ms":5000}`)
	f.Add(".mesh/drain/i", "", `{"by":"operator"}`)
	f.Add(".mesh/drain/../x", "s", `[]`)
	f.Add("r/lock", "s", `{"incarnation":"i","epoch":1,"session":"s"}`)
	f.Add("r/insync", "", `["a"]`)
	f.Add("a b/epoch", "", `7`)
	f.Fuzz(func(t *testing.T, path, session, value string) {
		good := consul.KVPairs{
			key("good/epoch", "", 2, "9"), key(".mesh/seats/good", "", 3, `{"servers":["a"]}`), key(".mesh/drain/good", "", 4, "{}"),
		}
		want := readOnce(good)
		m := readOnce(append(slices.Clone(good), key(path, session, 5, value)))
		if !strings.Contains(path, "good") {
			require.Equal(t, want.regions["good"], m.regions["good"])
			require.Equal(t, want.seats["good"], m.seats["good"])
			require.Equal(t, want.draining["good"], m.draining["good"])
			require.Empty(t, m.odd["good"])
		}
		for region, state := range m.regions {
			require.NoError(t, CheckName(region))
			require.NoError(t, checkSet(state.inSync))
		}
		for region, seats := range m.seats {
			require.NoError(t, CheckName(region))
			require.NoError(t, seats.validate())
			require.NotZero(t, seats.Version)
			require.Equal(t, sortedSet(seats.Servers), seats.Servers)
		}
		for incarnation, drain := range m.draining {
			require.NoError(t, CheckName(incarnation))
			require.NoError(t, drain.validate())
		}
		if m.state != (MeshState{}) {
			require.NoError(t, m.state.validate())
		}
		if c := m.controller; c != nil {
			require.NotEmpty(t, c.Session)
			require.True(t, c.Incarnation == "" && *c == Controller{Session: c.Session} || c.validate() == nil, "%+v", c)
		}
	})
}

// TestMeshIsAboutServers compares the regions of a Mesh, and their servers, with
// what the words of View say, one region and one server at a time.
func TestMeshIsAboutServers(t *testing.T) {
	regions := []string{"r0", "r1", "r2", "r3"}
	incarnations := []string{"i0", "i1", "i2", "i3", "i4"}
	rapid.Check(t, func(t *rapid.T) {
		some := func(of []string, what string) []string {
			return slices.DeleteFunc(slices.Clone(of), func(string) bool { return rapid.Bool().Draw(t, what) })
		}
		var servers []Server
		for _, incarnation := range some(incarnations, "is not there") {
			servers = append(servers, Server{Incarnation: incarnation, Regions: some(regions, "not of the server")})
		}
		keys := meshKeys{regions: map[string]regionState{}, seats: map[string]Seats{}}
		for _, region := range some(regions, "without keys") {
			state := regionState{inSync: some(incarnations, "not in sync")}
			if rapid.Bool().Draw(t, "held") {
				holder := rapid.SampledFrom(append(slices.Clone(incarnations), "")).Draw(t, "holder")
				state.session, state.holder = "s", Holder{Session: "s", Incarnation: holder}
			}
			keys.regions[region] = state
		}
		for _, region := range some(regions, "without seats") {
			keys.seats[region] = Seats{Servers: some(incarnations, "not seated"), Version: 1}
		}
		var m merger
		_, shown := m.apply(answer{source: sourceKeys, keys: keys})
		require.False(t, shown)
		mesh, shown := m.apply(answer{source: sourceServers, servers: servers})
		require.True(t, shown)
		for _, region := range regions {
			var about []Server
			fixed := false
			for _, s := range servers {
				own := slices.Contains(s.Regions, region)
				state := keys.regions[region]
				if own || slices.Contains(state.inSync, s.Incarnation) || state.holder.Incarnation == s.Incarnation ||
					slices.Contains(keys.seats[region].Servers, s.Incarnation) {
					about = append(about, s)
				}
				fixed = fixed || own
			}
			_, hasKeys := keys.regions[region]
			_, hasSeats := keys.seats[region]
			view, there := mesh.Regions[region]
			require.Equal(t, fixed || hasKeys || hasSeats, there)
			require.Equal(t, about, view.Servers)
			require.Equal(t, keys.seats[region], view.Seats)
		}
		_, again := m.apply(answer{source: sourceKeys, keys: keys, at: time.Now()})
		require.False(t, again, "it says the same")
		_, again = m.apply(answer{source: sourceServers, servers: slices.Clone(servers), at: time.Now()})
		require.False(t, again)
	})
}

func TestEqualMesh(t *testing.T) {
	base := func() Mesh {
		return Mesh{
			Regions: map[string]View{"r": {Region: "r", Epoch: 1}}, Servers: []Server{{Incarnation: "i"}},
			Controller: &Controller{Edge: "e", Since: time.Unix(5, 0)}, State: MeshState{Level: "light", Since: time.Unix(5, 0)}, StateAt: 4,
			Draining: map[string]Drain{"i": {By: "x", Since: time.Unix(5, 0)}},
		}
	}
	same := base()
	same.At, same.Since = time.Now(), time.Now()
	same.Controller.Since, same.State.Since = same.Controller.Since.UTC(), same.State.Since.UTC()
	require.True(t, equalMesh(base(), same), "nor does it count when it was asked, or in which zone")
	for name, change := range map[string]func(*Mesh){
		"stale":            func(m *Mesh) { m.Stale = true },
		"no region":        func(m *Mesh) { m.Regions = nil },
		"another region":   func(m *Mesh) { m.Regions["s"] = View{Region: "s"} },
		"region":           func(m *Mesh) { m.Regions["r"] = View{Region: "r", Epoch: 2} },
		"servers":          func(m *Mesh) { m.Servers = nil },
		"pool":             func(m *Mesh) { m.Servers[0].Pool = true },
		"no controller":    func(m *Mesh) { m.Controller = nil },
		"controller":       func(m *Mesh) { m.Controller.Admin = "http://x" },
		"controller since": func(m *Mesh) { m.Controller.Since = time.Unix(6, 0) },
		"state":            func(m *Mesh) { m.State.Level = "severe" },
		"state since":      func(m *Mesh) { m.State.Since = time.Unix(6, 0) },
		"state's version":  func(m *Mesh) { m.StateAt++ },
		"no drain":         func(m *Mesh) { m.Draining = nil },
		"drain":            func(m *Mesh) { m.Draining = map[string]Drain{"i": {By: "y", Since: time.Unix(5, 0)}} },
		"drain since":      func(m *Mesh) { m.Draining = map[string]Drain{"i": {By: "x", Since: time.Unix(6, 0)}} },
	} {
		other := base()
		change(&other)
		require.False(t, equalMesh(base(), other), name)
		require.False(t, equalMesh(other, base()), name)
	}
}

func TestMeshServer(t *testing.T) {
	m := Mesh{Servers: []Server{{Incarnation: "a"}, {Incarnation: "b", Name: "B"}}, Stale: true}
	s, ok := m.Server("b")
	require.True(t, ok)
	require.Equal(t, "B", s.Name)
	_, ok = m.Server("c")
	require.False(t, ok)
	require.Equal(t, View{Region: "r", Stale: true}, m.Region("r"))
}

func TestPoolServer(t *testing.T) {
	s := Server{Incarnation: "i", Address: "h:1"}
	require.EqualError(t, s.validate(), "discovery: server i has no regions and is not in the pool: give it regions, or set Pool")
	s.Pool = true
	require.NoError(t, s.validate())
	c := &Client{cfg: Config{}.WithDefaults()}
	require.Equal(t, "1", c.service(s).Meta["reseat-pool"])
	require.NotContains(t, c.service(Server{Incarnation: "i", Address: "h:1", Regions: []string{"r"}}).Meta, "reseat-pool")
}

// readOnce reads keys with nothing to remember.
func readOnce(pairs consul.KVPairs) meshKeys {
	k := keyReader{prefix: "reseat"}
	return k.read(pairs)
}

// What was read before must not show, nor be missing.
func TestKeysAreRememberedAsTheyAre(t *testing.T) {
	at := func(index uint64, lock, set, seats string) consul.KVPairs {
		return consul.KVPairs{
			key("r/lock", "s", index, lock), key("r/epoch", "", index, "3"), key("r/insync", "", index, set), key(".mesh/seats/r", "", index, seats),
			key("other/epoch", "", 3, "9"), key(".mesh/seats/other", "", 3, `{"servers":["a"],"score":1}`),
		}
	}
	held := `{"incarnation":"a","epoch":3,"session":"s"}`
	answers := []consul.KVPairs{
		at(4, held, `["a","b"]`, `{"servers":["a"],"score":7}`),
		at(5, held, `["a","b"]`, `{"servers":["a"],"score":7}`),
		at(5, held, `["a"]`, `{"servers":["b"],"score":7}`), // another Consul, which counts anew
		at(5, `nonsense`, `nonsense`, `nonsense`),
		at(5, `nonsense`, `nonsense`, `nonsense`),
		at(6, held, `["a"]`, `{"servers":[],"score":8}`)[:3],
		nil,
		at(6, held, `["a"]`, `{"servers":[],"score":8}`),
	}
	k := keyReader{prefix: "reseat"}
	for i, pairs := range answers {
		require.Equal(t, readOnce(pairs), k.read(pairs), "answer %d", i)
		require.Equal(t, readOnce(pairs), k.read(slices.Clone(pairs)), "answer %d, again", i)
	}
}

// BenchmarkMesh is what one answer about 300 regions on 100 servers costs.
func BenchmarkMesh(b *testing.B) {
	var pairs consul.KVPairs
	var servers []Server
	for i := range 100 {
		servers = append(servers, Server{Incarnation: fmt.Sprintf("i%03d", i), Pool: true})
	}
	for i := range 300 {
		region := fmt.Sprintf("r%03d", i)
		set := servers[i%98 : i%98+3]
		holder, err := json.Marshal(Holder{Incarnation: set[0].Incarnation, Address: "10.0.0.1:7001", Epoch: 3, Session: "s", Trace: strings.Repeat("t", 55)})
		require.NoError(b, err)
		members := writeSet([]string{set[0].Incarnation, set[1].Incarnation, set[2].Incarnation})
		pairs = append(pairs,
			key(region+"/lock", "s", 3, string(holder)), key(region+"/epoch", "", 3, "3"), key(region+"/insync", "", 4, string(members)),
			key(".mesh/seats/"+region, "", 5, `{"servers":`+string(members)+`,"score":7}`))
	}
	m := merger{answered: [sources]bool{sourceServers: true}, servers: servers}
	b.ReportAllocs()
	reader := keyReader{prefix: "reseat"}
	for n := uint64(4); b.Loop(); n++ {
		epoch := *pairs[1]
		epoch.Value = fmt.Append(nil, n)
		pairs[1] = &epoch
		mesh, changed := m.apply(answer{source: sourceKeys, keys: reader.read(pairs)})
		if !changed || len(mesh.Regions) != 300 {
			b.Fatal("no news")
		}
	}
	require.Equal(b, 300, len(slices.Collect(maps.Keys(m.mesh.Regions))))
}
