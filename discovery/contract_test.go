package discovery_test

import (
	"testing"

	"github.com/reseat-proxy/reseat/discovery/consultest"
)

func TestContractDevconsul(t *testing.T) {
	t.Parallel()
	consultest.Contract(t, consultest.InMemory)
}

func TestContractConsul(t *testing.T) {
	t.Parallel()
	consultest.Contract(t, func(tb testing.TB) *consultest.Registry {
		tb.Helper()
		return consultest.Behind(tb, consultest.Start(tb))
	})
}
