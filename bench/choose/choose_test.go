package choose_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/choose"
)

func TestFrom(t *testing.T) {
	names, all := []string{"one", "two"}, []int{1, 2}
	out, err := choose.From("number", "two, one,two", names, all)
	require.NoError(t, err)
	require.Equal(t, []int{2, 1, 2}, out)
	for _, bad := range []string{"", "three", "one,"} {
		_, err = choose.From("number", bad, names, all)
		require.ErrorContains(t, err, "choose from one, two", bad)
	}
	_, err = choose.Once("number", "three", names, all)
	require.EqualError(t, err, `unknown number "three": choose from one, two`)
	_, err = choose.Once("number", "two,one,two", names, all)
	require.EqualError(t, err, `number "two" is there twice`)
	out, err = choose.Once("number", "two,one", names, all)
	require.NoError(t, err)
	require.Equal(t, []int{2, 1}, out)
}
