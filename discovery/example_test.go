package discovery_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/discovery/devconsul"
)

// Two servers of one region: the second takes over when the first one's game dies.
func Example() {
	consul := devconsul.New(devconsul.Options{}) // in memory, for development only
	defer consul.Close()
	api := httptest.NewServer(consul)
	defer api.Close()

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	client, err := discovery.New(discovery.Config{Address: api.URL}, nil)
	if err != nil {
		panic(err)
	}
	join := func(name string) *discovery.Registration {
		reg, err := client.Register(ctx, discovery.Server{
			Incarnation: name, Address: "127.0.0.1:7001", Regions: []string{"arena"},
		})
		if err != nil {
			panic(err)
		}
		return reg // and call its Run
	}
	campaign := func(name string, reg *discovery.Registration) {
		holder := discovery.Holder{Incarnation: name, Address: "127.0.0.1:7001"}
		grant, err := client.TakeOver(ctx, "arena", reg.Session(), holder, 0)
		var held *discovery.HeldError
		switch {
		case errors.As(err, &held):
			fmt.Printf("%s: %s is primary\n", name, held.Holder.Incarnation)
		case err != nil:
			panic(err)
		default:
			fmt.Printf("%s: primary in epoch %d\n", name, grant.Epoch)
		}
	}

	anna, bert := join("anna"), join("bert")
	campaign("anna", anna)
	campaign("bert", bert)
	if err := anna.Fail(ctx, "the game has crashed", nil); err != nil {
		panic(err)
	}
	campaign("bert", bert)

	// Output:
	// anna: primary in epoch 1
	// bert: anna is primary
	// bert: primary in epoch 2
}
