package command_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/state/command/rdb"
)

// TestLongKeysAreNamedSeldom: each event names its key. Where a command records many, a long
// key would take many times what the client has sent.
func TestLongKeysAreNamedSeldom(t *testing.T) {
	w := newWorld()
	do := func(words ...string) string {
		t.Helper()
		o, err := w.do(argv(words))
		if err != nil {
			t.Fatal(err)
		}
		return o.reply.Text()
	}
	const members = 20_000
	add := []string{"ZADD", "k"}
	for i := range members {
		add = append(add, fmt.Sprint(i), fmt.Sprintf("member-%d", i))
	}
	do(add...)
	set := []string{"SADD", "set"}
	for i := range members {
		set = append(set, fmt.Sprintf("member-%d", i))
	}
	do(set...)
	key := strings.Repeat("k", 1<<20)
	payload := string(w.dump(t))
	for _, words := range [][]string{
		{"ZUNIONSTORE", key, "1", "k"},
		{"ZREMRANGEBYRANK", key, "0", "-2"},
		{"SORT", "k", "BY", "nosort", "STORE", key},
		{"SUNIONSTORE", key, "set"},
		{"SPOP", key, fmt.Sprint(members - 1)},
		{"RESTORE", key, "0", payload, "REPLACE"},
	} {
		do(words...)
		if n := w.events.Len(); n < len(key) || n > 2*len(key)+members*32 {
			t.Errorf("%s records %d bytes", words[0], n)
		}
	}
	bits := []string{"BITFIELD", key}
	for i := range 1100 {
		bits = append(bits, "SET", "u8", fmt.Sprint(100*i), "1")
	}
	if got := do(bits...); !strings.HasPrefix(got, "ERR this change is larger") {
		t.Errorf("BITFIELD: %.100s", got)
	}
	stream := rdb.Stream{Last: rdb.ID{MS: 1}, Groups: make([]rdb.Group, 1100)}
	for i := range stream.Groups {
		stream.Groups[i].Name = fmt.Append(nil, i)
	}
	x := rdb.NewWriter(1 << 20)
	x.Stream(&stream, func(func(rdb.ID, [][]byte) bool) {})
	groups, _ := x.Payload()
	if got := do("RESTORE", key, "0", string(groups), "REPLACE"); !strings.HasPrefix(got, "ERR the value is larger") {
		t.Errorf("RESTORE of a stream: %.100s", got)
	}
	if got := do("RESTORE", "short", "0", string(groups)); got != "OK" {
		t.Errorf("RESTORE of a stream: %.100s", got)
	}
}
