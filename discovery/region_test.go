package discovery

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	consul "github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"
)

var testKeys = (&Client{cfg: Config{}.WithDefaults()}).keys("r")

// names is a set of n members, as a value.
func names(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint("i", i)
	}
	return string(writeSet(list))
}

func TestReadRegion(t *testing.T) {
	const session = "s-1"
	written, err := json.Marshal(Holder{Incarnation: "i", Address: "h:1", Epoch: 7, Session: session, Trace: "t"})
	require.NoError(t, err)
	lock := func(session, value string) *consul.KVPair {
		return &consul.KVPair{Key: "reseat/r/lock", Session: session, Value: []byte(value), ModifyIndex: 3}
	}
	epoch := func(value string) *consul.KVPair {
		return &consul.KVPair{Key: "reseat/r/epoch", Value: []byte(value), ModifyIndex: 4}
	}
	set := func(value string) *consul.KVPair {
		return &consul.KVPair{Key: "reseat/r/insync", Value: []byte(value), ModifyIndex: 5}
	}
	holder := Holder{Incarnation: "i", Address: "h:1", Epoch: 7, Session: session, Trace: "t"}
	for _, test := range []struct {
		name  string
		pairs consul.KVPairs
		want  regionState
		odd   int
	}{
		{"nothing", nil, regionState{}, 0},
		{"absent in a transaction", consul.KVPairs{{Key: "reseat/r/insync"}, nil}, regionState{}, 0},
		{
			"held",
			consul.KVPairs{lock(session, string(written)), epoch("7")},
			regionState{session: session, holder: holder, last: "i", epoch: 7, epochIndex: 4},
			0,
		},
		{"free again", consul.KVPairs{lock("", string(written)), epoch("7")}, regionState{last: "i", epoch: 7, epochIndex: 4}, 0},
		{"free, epoch lost", consul.KVPairs{lock("", string(written))}, regionState{last: "i", epoch: 7}, 0},
		{"free, epoch behind", consul.KVPairs{lock("", string(written)), epoch("3")}, regionState{last: "i", epoch: 7, epochIndex: 4}, 0},
		{"released", consul.KVPairs{lock("", ""), epoch("7")}, regionState{epoch: 7, epochIndex: 4}, 0},
		{
			"another's value",
			consul.KVPairs{lock("s-2", string(written))},
			regionState{session: "s-2", holder: Holder{Session: "s-2"}, epoch: 7},
			1,
		},
		{
			"garbage",
			consul.KVPairs{lock(session, "{"), epoch("x"), set("x")},
			regionState{session: session, holder: Holder{Session: session}, epochIndex: 4, inSyncKnown: true, inSyncIndex: 5},
			3,
		},
		{"epoch too high for a frame", consul.KVPairs{epoch("4611686018427387904")}, regionState{epochIndex: 4}, 1},
		{"highest epoch", consul.KVPairs{epoch("4611686018427387903")}, regionState{epoch: maxEpoch, epochIndex: 4}, 0},
		{
			"set",
			consul.KVPairs{set(`["b","a","b"]`)},
			regionState{inSync: []string{"a", "b"}, inSyncKnown: true, inSyncIndex: 5},
			0,
		},
		{"empty set", consul.KVPairs{set(`[]`)}, regionState{inSyncKnown: true, inSyncIndex: 5}, 0},
		{"null set", consul.KVPairs{set(`null`)}, regionState{inSyncKnown: true, inSyncIndex: 5}, 0},
		{"foreign holder", consul.KVPairs{lock(session, "")}, regionState{session: session, holder: Holder{Session: session}}, 1},
		{"free, with no name", consul.KVPairs{lock("", `{"incarnation":"a/b","epoch":9}`)}, regionState{epoch: 9}, 0},
		{"huge lock", consul.KVPairs{lock("", `{"incarnation":"i","epoch":9}`+strings.Repeat(" ", maxHolder))}, regionState{}, 0},
		{
			"huge held lock",
			consul.KVPairs{lock(session, string(written)+strings.Repeat(" ", maxHolder))},
			regionState{session: session, holder: Holder{Session: session}},
			1,
		},
		{"huge set", consul.KVPairs{set(names(maxMembers + 1))}, regionState{inSyncKnown: true, inSyncIndex: 5}, 1},
		{"another region's", consul.KVPairs{{Key: "reseat/r/x/lock", Session: "s", ModifyIndex: 1}}, regionState{}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := readRegion(testKeys, test.pairs)
			require.Len(t, got.odd, test.odd, got.odd)
			got.odd = nil
			if i := slices.IndexFunc(test.pairs, func(p *consul.KVPair) bool { return p != nil && p.Key == testKeys.lock }); i >= 0 {
				require.Equal(t, test.pairs[i].Value, got.lockValue, "as it is, for Release")
				require.Equal(t, uint64(3), got.lockIndex)
			}
			got.lockValue, got.lockIndex = nil, 0
			require.Equal(t, test.want, got)
		})
	}
}

// FuzzReadRegion: whatever is in the keys, what is read of it can be relied on.
func FuzzReadRegion(f *testing.F) {
	f.Add("s", `{"incarnation":"i","address":"h:1","epoch":1,"session":"s"}`, "1", `["i"]`)
	f.Add("s", `{"incarnation":"i","epoch":18446744073709551615,"session":"s"}`, "18446744073709551615", `["", "a/b"]`)
	f.Add("s", "garbage", "-1", "{}")
	f.Add("", `{"epoch":9}`, "", "")
	f.Add("s", `{"session":"s"}`, "0x10", `[1]`)
	f.Fuzz(func(t *testing.T, session, lock, epoch, set string) {
		s := readRegion(testKeys, consul.KVPairs{
			{Key: testKeys.lock, Session: session, Value: []byte(lock), ModifyIndex: 1},
			{Key: testKeys.epoch, Value: []byte(epoch), ModifyIndex: 2},
			{Key: testKeys.inSync, Value: []byte(set), ModifyIndex: 3},
		})
		require.LessOrEqual(t, s.epoch, uint64(maxEpoch))
		require.LessOrEqual(t, s.holder.Epoch, s.epoch)
		require.Equal(t, session, s.session)
		require.Equal(t, session, s.holder.Session, "whoever holds the lock is the holder")
		if s.holder.Incarnation != "" {
			require.NoError(t, CheckName(s.holder.Incarnation))
		}
		if s.last != "" {
			require.NoError(t, CheckName(s.last))
		}
		require.True(t, s.inSyncKnown)
		require.NoError(t, checkSet(s.inSync))
		require.Equal(t, s.inSync, sortedSet(s.inSync))
	})
}
