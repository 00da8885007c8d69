package command_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestSortIsBounded: GET may name one large value for each element, so that a small request
// would be a huge answer, or a huge change.
func TestSortIsBounded(t *testing.T) {
	w := newWorld()
	do := func(line string) outcome {
		t.Helper()
		o, err := w.do(words(line))
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	do("SETRANGE large 1048575 x")
	do("SETRANGE small 9999 x")
	do("RPUSH l" + strings.Repeat(" large", 1100))
	do("RPUSH many" + strings.Repeat(" small", 14000))
	missing := " BY nosort" + strings.Repeat(" GET no-*", 1200) + " STORE d"
	for line, want := range map[string]string{
		"SORT l BY nosort GET *":              "ERR the reply would be too large",
		"SORT many BY nosort GET *":           "ERR the reply would be too large",
		"SORT l BY nosort GET * STORE d":      "ERR this change is larger than an entry of the log can be (1 GiB)",
		"SORT many" + missing:                 "ERR this would store more than 16777216 elements",
		"SORT_RO l BY nosort GET * LIMIT 0 9": "",
	} {
		switch o := do(line); {
		case want == "" && (o.reply.IsError() || len(o.reply.Items) != 9):
			t.Errorf("%s: %d elements, %.100s", line, len(o.reply.Items), o.reply)
		case want != "" && (!o.reply.IsError() || !strings.HasPrefix(o.reply.Text(), want)):
			t.Errorf("%s: %.100s", line, fmt.Sprint(o.reply))
		}
	}
	if got := do("EXISTS d").reply.Int; got != 0 {
		t.Error("something was stored")
	}
}
