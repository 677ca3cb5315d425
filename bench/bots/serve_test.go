package bots

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/judge"
	"github.com/reseat-proxy/reseat/bench/world"
)

// lead serves a crowd and returns its remote; wait returns what Serve did.
func lead(t *testing.T, c *Crowd) (r *Remote, hangUp func(), wait func() error) {
	t.Helper()
	ordersIn, ordersOut := io.Pipe()
	wordsIn, wordsOut := io.Pipe()
	served := make(chan error, 1)
	go func() {
		served <- Serve(context.Background(), c, ordersIn, wordsOut)
		wordsOut.Close()
	}()
	r = NewRemote(ordersOut, wordsIn)
	read := make(chan error, 1)
	go func() { read <- r.Run(context.Background()) }()
	return r, func() { ordersOut.Close() }, func() error {
		require.ErrorIs(t, <-read, errGone)
		return <-served
	}
}

func TestARunByRemote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, region := t.Context(), newRegion()
		c, err := New(Config{Regions: alone(4), Rate: 10, Dial: region.dial})
		require.NoError(t, err)
		r, hangUp, wait := lead(t, c)

		require.NoError(t, r.Join(ctx))
		before, err := r.Audit(ctx)
		require.NoError(t, err)
		require.NoError(t, r.Play())
		time.Sleep(time.Second)
		heal := region.fail()
		require.NoError(t, r.Mark("freeze", time.Now().UnixNano()))
		require.NoError(t, r.Poison(1, world.Panic))
		time.Sleep(300 * time.Millisecond)
		heal()
		for p := range r.Progress() {
			if p.Regions[here].Back == 4 {
				break
			}
		}
		require.NoError(t, r.Close(time.Now().UnixNano()))
		time.Sleep(time.Second)
		require.NoError(t, r.Stop(ctx))
		after, err := r.Audit(ctx)
		require.NoError(t, err)
		require.NoError(t, r.Stop(ctx), "settles the audit, too")
		result, err := r.Result(ctx)
		require.NoError(t, err)

		v := judge.Judge(result.Ledgers, before[here], after[here])
		require.True(t, v.OK(), v.Violations)
		require.Len(t, result.Faults, 1)
		require.Equal(t, "freeze", result.Faults[0].Fault)
		require.Greater(t, result.Faults[0].Stalls[0].Durable, 200*time.Millisecond)
		hangUp()
		require.NoError(t, wait())
	})
}

func TestNothingIsWaitedForForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, region := t.Context(), newRegion()
		c, err := New(Config{Regions: alone(2), Rate: 10, Dial: region.dial})
		require.NoError(t, err)
		r, hangUp, wait := lead(t, c)
		require.NoError(t, r.Join(ctx))
		heal := region.fail()
		require.NoError(t, r.Play())
		time.Sleep(time.Second)
		require.ErrorContains(t, r.Stop(ctx), "of 20 actions are not durable")
		_, err = r.Audit(ctx)
		require.ErrorContains(t, err, "no answer to the audit")
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err = r.Audit(short)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		result, err := r.Result(ctx) // the late answer to the audit is passed by
		require.NoError(t, err)
		require.NotZero(t, judge.Judge(result.Ledgers, world.Books{}, world.Books{}).Unsettled)
		heal()
		hangUp()
		require.NoError(t, wait())
	})
}

func TestUnknownOrdersAndDeadPipes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Config{Regions: alone(1), Rate: 10, Dial: newRegion().dial})
		require.NoError(t, err)
		r, hangUp, wait := lead(t, c)
		_, err = r.ask(t.Context(), "dance")
		require.ErrorContains(t, err, `unknown order "dance"`)
		hangUp()
		require.NoError(t, wait())
		_, err = r.Audit(t.Context())
		require.ErrorIs(t, err, errGone)
	})
}
