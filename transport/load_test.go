package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/orphan"
)

// TestLoad: records that are segments and frames in turn are loaded in their order, whoever reads them; the first that is
// bad is named; and a load that is called off says so.
func TestLoad(t *testing.T) {
	t.Parallel()
	ty := newTypist(t)
	var records [][]byte
	for k := range 12 {
		from := ty.replica.Len()
		ty.types(3)
		record, next := ty.replica.RecordFrom(from)
		if k%3 == 0 {
			record, next = ty.replica.PackFrom(from, nil)
		}
		if next != ty.replica.Len() {
			t.Fatal("more than one record")
		}
		records = append(records, record)
	}
	loaded := func(ctx context.Context, records [][]byte) (*crdt.Replica, error) {
		r, err := crdt.NewReplica(testCharter)
		if err != nil {
			t.Fatal(err)
		}
		cfg := NodeConfig{Charter: testCharter, Store: &memStore{frames: records}, Checker: crdt.NewChecker(testCharter)}
		return r, load(ctx, cfg, r, &orphan.Packs{})
	}
	r, err := loaded(context.Background(), records)
	if err != nil || r.LogDigest() != ty.replica.LogDigest() {
		t.Fatalf("%d changes of %d: %v", r.Len(), ty.replica.Len(), err)
	}
	for k := range records {
		damaged := append([][]byte(nil), records...)
		damaged[k] = bytes.Clone(damaged[k][:len(damaged[k])-1])
		var refused *crdt.RefusedError
		if _, err := loaded(context.Background(), damaged); !errors.As(err, &refused) || !strings.HasPrefix(err.Error(), fmt.Sprintf("record %d: ", k)) {
			t.Fatalf("record %d is cut off: %v", k, err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := loaded(ctx, records); !errors.Is(err, context.Canceled) {
		t.Fatalf("called off: %v", err)
	}
}
