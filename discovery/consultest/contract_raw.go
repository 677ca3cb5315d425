package consultest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/stretchr/testify/require"
)

// The raw tests are about what Consul itself does, so that devconsul does it too.

type object map[string]any

// service registers a service with a TTL check of ID "check.<region>.<name>".
func (r *rig) service(name string, check object) string {
	r.Helper()
	id := "check." + r.inc(name)
	definition := object{"CheckID": id, "TTL": "1m"}
	maps.Copy(definition, check)
	r.do(http.MethodPut, "/v1/agent/service/register", object{"ID": r.inc(name), "Name": r.region, "Check": definition})
	r.Cleanup(func() { r.raw(http.MethodPut, "/v1/agent/service/deregister/"+r.inc(name), nil) })
	return id
}

// session creates one; what is asked for is added to none of the usual.
func (r *rig) session(request object) string {
	r.Helper()
	var answer struct{ ID string }
	require.NoError(r, json.Unmarshal([]byte(r.do(http.MethodPut, "/v1/session/create", request)), &answer))
	r.Cleanup(func() { r.raw(http.MethodPut, "/v1/session/destroy/"+answer.ID, nil) })
	return answer.ID
}

// plain is a session that nothing but its end can end.
func (r *rig) plain() string {
	r.Helper()
	return r.session(object{"NodeChecks": []string{}, "LockDelay": "0s"})
}

func (r *rig) known(session string) bool {
	r.Helper()
	return r.do(http.MethodGet, "/v1/session/info/"+session, nil) != "[]"
}

func rawSession(r *rig) {
	refused := func(request object, complaint string) {
		r.Helper()
		status, answer := r.raw(http.MethodPut, "/v1/session/create", request)
		require.Equal(r, http.StatusInternalServerError, status)
		require.Contains(r, answer, complaint)
	}
	refused(object{"TTL": "9.9s"}, "Invalid Session TTL")
	refused(object{"TTL": "25h"}, "Invalid Session TTL")
	refused(object{"Behavior": "forget"}, "Invalid Behavior setting")
	refused(object{"Node": "nowhere"}, "Missing node registration")
	refused(object{"NodeChecks": []string{}, "ServiceChecks": []object{{"ID": "nothing"}}}, "Missing check 'nothing' registration")

	id := r.session(object{"Name": "n", "TTL": "10s"})
	var shown []struct {
		ID, Name, Behavior, TTL string
		LockDelay               time.Duration
		NodeChecks              []string
	}
	require.NoError(r, json.Unmarshal([]byte(r.do(http.MethodGet, "/v1/session/info/"+id, nil)), &shown))
	require.Len(r, shown, 1)
	require.Equal(r, "release", shown[0].Behavior)
	require.Equal(r, 15*time.Second, shown[0].LockDelay, "when none is asked for")
	require.Equal(r, []string{"serfHealth"}, shown[0].NodeChecks, "when none is asked for")

	require.Equal(r, "true", r.do(http.MethodPut, "/v1/session/destroy/"+id, nil))
	require.Equal(r, "true", r.do(http.MethodPut, "/v1/session/destroy/"+id, nil), "one that is gone")
	require.False(r, r.known(id))
	status, answer := r.raw(http.MethodPut, "/v1/session/renew/"+id, nil)
	require.Equal(r, http.StatusNotFound, status)
	require.Contains(r, answer, "not found")
}

// rawSessionTTL: a session lives for twice its TTL, and a renewal starts that again.
func rawSessionTTL(r *rig) {
	began := time.Now()
	id := r.session(object{"TTL": "10s", "NodeChecks": []string{}, "LockDelay": "0s"})
	r.do(http.MethodPut, "/v1/kv/"+r.region+"?acquire="+id, "x")
	index := r.get("/v1/kv/" + r.region).ModifyIndex
	r.do(http.MethodGet, fmt.Sprintf("/v1/kv/%s?index=%d&wait=40s", r.region, index), nil)
	took := time.Since(began)
	r.Logf("a session of 10s lived %v", took)
	require.Empty(r, r.get("/v1/kv/"+r.region).Session)
	require.GreaterOrEqual(r, took, 20*time.Second)
	require.Less(r, took, 20*time.Second+slack)
}

func rawLockDelay(r *rig) {
	key := "/v1/kv/" + r.region
	for i, delay := range []any{"3s", 3e9, "3ns", nil, "0s"} {
		request := object{"NodeChecks": []string{}}
		if delay != nil {
			request["LockDelay"] = delay
		}
		first, second := r.session(request), r.plain()
		key := key + strconv.Itoa(i)
		require.Equal(r, "true", r.do(http.MethodPut, key+"?acquire="+first, "x"))
		r.do(http.MethodPut, "/v1/session/destroy/"+first, nil)
		began := time.Now()
		if delay == "0s" {
			require.Equal(r, "true", r.do(http.MethodPut, key+"?acquire="+second, "y"), "0s is none")
			continue
		}
		require.Equal(r, "false", r.do(http.MethodPut, key+"?acquire="+second, "y"), "%v", delay)
		status, answer := r.raw(http.MethodPut, "/v1/txn", []object{{"KV": object{"Verb": "lock", "Key": key[len("/v1/kv/"):], "Session": second}}})
		require.Equal(r, http.StatusConflict, status)
		require.Contains(r, answer, "due to lock delay")
		if i == 0 {
			require.Eventually(r, func() bool { return r.do(http.MethodPut, key+"?acquire="+second, "y") == "true" },
				patience, 500*time.Millisecond)
			require.GreaterOrEqual(r, time.Since(began), 2*time.Second)
			require.Less(r, time.Since(began), 3*time.Second+slack)
		}
	}
}

func rawLocks(r *rig) {
	key := "/v1/kv/" + r.region + "/k"
	a, b := r.plain(), r.plain()
	acquire := func(session string) string { return r.do(http.MethodPut, key+"?acquire="+session, "by "+session) }
	require.Equal(r, "true", acquire(a))
	require.Equal(r, "false", acquire(b))
	require.Equal(r, "true", acquire(a), "again")
	require.Equal(r, uint64(1), r.get(key).LockIndex)
	require.Equal(r, "false", r.do(http.MethodPut, key+"?release="+b, ""))
	require.Equal(r, "true", r.do(http.MethodPut, key+"?release="+a, ""))
	require.Equal(r, "true", acquire(b))
	require.Equal(r, uint64(2), r.get(key).LockIndex)

	// Locks are advisory.
	require.Equal(r, "true", r.do(http.MethodPut, key, "plain"))
	got := r.get(key)
	require.Equal(r, b, got.Session)
	require.Equal(r, "plain", string(got.Value))
	require.Zero(r, got.LockIndex, "a plain PUT resets it")
	require.Equal(r, "true", r.do(http.MethodDelete, key, nil))
	require.Zero(r, r.get(key))
	require.True(r, r.known(b))
	require.Equal(r, "true", acquire(a), "nobody holds what is not there")

	// A write that changes nothing is none.
	index := r.get(key).ModifyIndex
	require.Equal(r, "true", acquire(a))
	require.Equal(r, index, r.get(key).ModifyIndex)

	// Behavior at the session's end.
	remove := r.session(object{"NodeChecks": []string{}, "LockDelay": "0s", "Behavior": "delete"})
	r.do(http.MethodPut, key+"2?acquire="+remove, "x")
	r.do(http.MethodPut, "/v1/session/destroy/"+remove, nil)
	require.Zero(r, r.get(key+"2"))
	r.do(http.MethodPut, "/v1/session/destroy/"+a, nil)
	require.Equal(r, "by "+a, string(r.get(key).Value), "release keeps the value")
	require.Empty(r, r.get(key).Session)
	status, answer := r.raw(http.MethodPut, key+"?acquire="+a, "x")
	require.Equal(r, http.StatusInternalServerError, status)
	require.Contains(r, answer, "invalid session")

	// Compare and set.
	require.Equal(r, "false", r.do(http.MethodPut, key+"?cas=0", "x"))
	require.Equal(r, "true", r.do(http.MethodPut, key+"?cas="+strconv.FormatUint(r.get(key).ModifyIndex, 10), "x"))
	require.Equal(r, "true", r.do(http.MethodPut, key+"3?cas=0", "x"))
	require.Equal(r, "false", r.do(http.MethodDelete, key+"3?cas=1", nil))
	require.Equal(r, "true", r.do(http.MethodDelete, key+"?recurse", nil))
	require.Zero(r, r.get(key+"3"))
}

func rawTransactions(r *rig) {
	session := r.plain()
	key := func(name string) string { return r.region + "/" + name }
	r.do(http.MethodPut, "/v1/kv/"+key("there"), "1")
	index := r.get("/v1/kv/" + key("there")).ModifyIndex
	kv := func(verb, name string, more object) object {
		o := object{"Verb": verb, "Key": key(name)}
		maps.Copy(o, more)
		return object{"KV": o}
	}
	type outcome struct {
		Results []struct{ KV pair }
		Errors  []struct {
			OpIndex int
			What    string
		}
	}
	run := func(status int, ops ...object) outcome {
		r.Helper()
		got, answer := r.raw(http.MethodPut, "/v1/txn", ops)
		require.Equal(r, status, got, answer)
		var o outcome
		require.NoError(r, json.Unmarshal([]byte(answer), &o), answer)
		return o
	}

	refused := run(http.StatusConflict,
		kv("lock", "new", object{"Session": session}),
		kv("lock", "new2", object{"Session": "nobody"}),
		kv("cas", "there", object{"Index": index + 1}),
		kv("cas", "there", object{"Index": 0}),
		kv("unlock", "there", object{"Session": session}),
		kv("check-session", "there", object{"Session": session}),
		kv("check-session", "absent", object{"Session": session}),
		kv("check-index", "there", object{"Index": index + 1}),
		kv("check-index", "absent", object{"Index": 1}),
		kv("check-not-exists", "there", nil),
		kv("get", "absent", nil),
		kv("delete-cas", "there", object{"Index": index + 1}),
		kv("delete-cas", "there", object{"Index": 0}),
	)
	texts := make([]string, 0, len(refused.Errors))
	for i, e := range refused.Errors {
		require.Equal(r, i+1, e.OpIndex, "all but the first fail")
		texts = append(texts, e.What)
	}
	require.Equal(r, []string{
		`invalid session "nobody"`,
		fmt.Sprintf("failed to set key %q, index is stale", key("there")),
		fmt.Sprintf("failed to set key %q, index is stale", key("there")),
		fmt.Sprintf("failed to unlock key %q, lock isn't held, or is held by another session", key("there")),
		fmt.Sprintf("failed session check for key %q, current session %q != %q", key("there"), "", session),
		fmt.Sprintf("failed to check session, key %q doesn't exist", key("absent")),
		fmt.Sprintf("failed index check for key %q, current modify index %d != %d", key("there"), index, index+1),
		fmt.Sprintf("failed to check index, key %q doesn't exist", key("absent")),
		fmt.Sprintf("key %q exists", key("there")),
		fmt.Sprintf("key %q doesn't exist", key("absent")),
		fmt.Sprintf("failed to delete key %q, index is stale", key("there")),
		fmt.Sprintf("failed to delete key %q, index is stale", key("there")),
	}, texts)
	require.Zero(r, r.get("/v1/kv/"+key("new")), "all or nothing")
	require.Equal(r, "unknown KV operation: frob", run(http.StatusConflict, kv("frob", "x", nil)).Errors[0].What)

	done := run(http.StatusOK,
		kv("lock", "new", object{"Session": session, "Value": []byte("mine")}),
		kv("cas", "there", object{"Index": index, "Value": []byte("2")}),
		kv("cas", "new2", object{"Index": 0, "Value": []byte("3")}),
		kv("check-not-exists", "absent", nil),
		kv("check-session", "new", object{"Session": session}),
		kv("delete", "absent", nil),
	)
	require.Len(r, done.Results, 4, "those that are about a key")
	at := done.Results[0].KV.ModifyIndex
	for _, result := range done.Results {
		require.Equal(r, at, result.KV.ModifyIndex, "one transaction, one index")
		require.Empty(r, result.KV.Value)
	}
	require.Equal(r, session, done.Results[0].KV.Session)
	require.Equal(r, uint64(1), done.Results[0].KV.LockIndex)
	require.Equal(r, "mine", string(r.get("/v1/kv/"+key("new")).Value))

	read := run(http.StatusOK, kv("get-or-empty", "there", nil), kv("get-or-empty", "absent", nil))
	require.Len(r, read.Results, 2)
	require.Equal(r, "2", string(read.Results[0].KV.Value))
	require.Zero(r, read.Results[1].KV)

	held := run(http.StatusConflict, kv("lock", "new", object{"Session": r.plain()}))
	require.Contains(r, held.Errors[0].What, "lock is already held")

	// Writing what is there is no write, and keeps the index.
	index = r.get("/v1/kv/" + key("there")).ModifyIndex
	same := run(http.StatusOK, kv("cas", "there", object{"Index": index, "Value": []byte("2")}))
	require.Equal(r, index, same.Results[0].KV.ModifyIndex)
	require.Equal(r, index, r.get("/v1/kv/"+key("there")).ModifyIndex)

	// Unlocking writes the value.
	freed := run(http.StatusOK, kv("unlock", "new", object{"Session": session}))
	require.Empty(r, freed.Results[0].KV.Session)
	require.Empty(r, r.get("/v1/kv/"+key("new")).Value)

	// Deleting what is not there has deleted it, whatever the index.
	gone := run(http.StatusOK,
		kv("delete-cas", "there", object{"Index": index}),
		kv("delete-cas", "absent", object{"Index": 12345}),
		kv("delete-cas", "absent", object{"Index": 0}),
	)
	require.Empty(r, gone.Results, "nothing is left to show")
	require.Zero(r, r.get("/v1/kv/"+key("there")))
	undone := run(http.StatusConflict,
		kv("delete-cas", "new2", object{"Index": r.get("/v1/kv/" + key("new2")).ModifyIndex}),
		kv("check-not-exists", "new", nil),
	)
	require.Equal(r, 1, undone.Errors[0].OpIndex)
	require.Equal(r, "3", string(r.get("/v1/kv/"+key("new2")).Value), "all or nothing")
}

func rawChecks(r *rig) {
	status, answer := r.raw(http.MethodPut, "/v1/agent/check/update/nothing", object{"Status": "passing"})
	require.Equal(r, http.StatusNotFound, status)
	require.Contains(r, answer, "Unknown check ID")
	status, answer = r.raw(http.MethodPut, "/v1/agent/service/deregister/nothing", nil)
	require.Equal(r, http.StatusNotFound, status)
	require.Contains(r, answer, "Unknown service ID")

	// A check is critical from the start, and carries no session then.
	check := r.service("a", nil)
	bound := object{"NodeChecks": []string{}, "ServiceChecks": []object{{"ID": check}}}
	require.Eventually(r, func() bool {
		_, answer = r.raw(http.MethodPut, "/v1/session/create", bound)
		return answer == fmt.Sprintf("apply failed: Check '%s' is in critical state", check)
	}, patience, 5*time.Millisecond, "%s", answer)
	update := func(status string) {
		r.Helper()
		r.do(http.MethodPut, "/v1/agent/check/update/"+check, object{"Status": status})
		require.Eventually(r, func() bool { return r.status("a") == status }, patience, 5*time.Millisecond)
	}
	update("passing")
	session := r.session(bound)
	update("warning")
	require.True(r, r.known(session))
	update("critical")
	require.False(r, r.known(session))

	// One that is registered again keeps its status, and its sessions.
	r.service("a", object{"Status": "passing"})
	r.service("b", object{"Status": "passing"})
	require.Eventually(r, func() bool { return r.status("b") == "passing" }, patience, 5*time.Millisecond)
	require.Equal(r, "critical", r.status("a"))
	other := r.session(object{"NodeChecks": []string{}, "ServiceChecks": []object{{"ID": "check." + r.inc("b")}}})
	r.service("b", nil)
	require.True(r, r.known(other))
	require.Equal(r, "passing", r.status("b"))
	r.do(http.MethodPut, "/v1/agent/service/deregister/"+r.inc("b"), nil)
	require.Eventually(r, func() bool { return !r.known(other) }, patience, 5*time.Millisecond)
}

// status is that of a service's own check in the catalog, "" if it is not there.
func (r *rig) status(name string) string {
	r.Helper()
	var list []struct {
		Service struct{ ID string }
		Checks  []struct{ CheckID, Status string }
	}
	require.NoError(r, json.Unmarshal([]byte(r.do(http.MethodGet, "/v1/health/service/"+r.region, nil)), &list))
	for _, entry := range list {
		for _, check := range entry.Checks {
			if entry.Service.ID == r.inc(name) && check.CheckID == "check."+r.inc(name) {
				return check.Status
			}
		}
	}
	return ""
}

// ask asks with an index, and returns that of the answer.
func (r *rig) ask(path string, index uint64, wait string) (at uint64, took time.Duration) {
	r.Helper()
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s%sindex=%d&wait=%s", r.reg.URL, path, index, wait), nil)
	require.NoError(r, err)
	began := time.Now()
	res, err := r.http.Do(req)
	require.NoError(r, err)
	defer res.Body.Close()
	at, err = strconv.ParseUint(res.Header.Get("X-Consul-Index"), 10, 64)
	require.NoError(r, err)
	require.Positive(r, at)
	return at, time.Since(began)
}

// rawBlocking: what a blocking query waits for, and for how long.
func rawBlocking(r *rig) {
	base := "/v1/kv/" + r.region
	r.do(http.MethodPut, base+"/a", "1")
	list, key, health := base+"/?recurse&", base+"/a?", "/v1/health/service/"+r.region+"?"
	at, _ := r.ask(list, 0, "1s")
	require.Equal(r, r.get(base+"/a").ModifyIndex, at)

	// Nothing happens here, whatever happens elsewhere.
	for _, path := range []string{list, key} {
		r.do(http.MethodPut, base+"-elsewhere", time.Now().String())
		same, took := r.ask(path, at, "1s")
		require.Equal(r, at, same)
		require.GreaterOrEqual(r, took, time.Second)
		require.Less(r, took, time.Second+time.Second/16+slack)
	}

	// Something happens: a write, a deletion.
	for _, change := range []func(){
		func() { r.do(http.MethodPut, base+"/a", "2") },
		func() { r.do(http.MethodPut, base+"/b", "2") },
		func() { r.do(http.MethodDelete, base+"/b", nil) },
	} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			<-time.After(50 * time.Millisecond) // most likely after the query; either order must do
			change()
		}()
		next, took := r.ask(list, at, "30s")
		<-done
		require.Greater(r, next, at)
		require.Less(r, took, 30*time.Second)
		at = next
	}

	// An index from the future holds news back until the wait ends, and is not kept.
	for _, path := range []string{list, key, health} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			<-time.After(50 * time.Millisecond)
			r.do(http.MethodPut, base+"/a", time.Now().String())
		}()
		low, took := r.ask(path, at+1_000_000, "1s")
		<-done
		require.Less(r, low, at+1_000_000, path)
		require.GreaterOrEqual(r, took, time.Second, path)
	}
}
