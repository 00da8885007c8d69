package command_test

import (
	"fmt"
	"strings"
	"testing"
)

// tooMuchSort begins the answer to a SORT that would be too much work.
const tooMuchSort = "ERR this would take too long (longer than to sort three million elements): sort or get fewer at once"

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
		"SORT many" + missing:                 tooMuchSort,
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

// TestSortWorkIsBounded: what makes a small request much work is refused, with nothing
// stored, and nothing of a reply left; where little of it is asked for it is answered.
func TestSortWorkIsBounded(t *testing.T) {
	w := newWorld()
	huge := strings.Repeat("p", 1<<20) + "*"
	for _, line := range []string{
		"SET x " + strings.Repeat("x", 1<<20), "SET y " + strings.Repeat("y", 1<<20), "RPUSH alike" + strings.Repeat(" x y", 10000),
		"RPUSH many" + strings.Repeat(" 7 8", 10000), "RPUSH long" + strings.Repeat(" "+huge, 40),
	} {
		if o, err := w.do(words(line)); err != nil || o.reply.IsError() {
			t.Fatalf("%.30s: %v %s", line, err, o.reply)
		}
	}
	for line, elements := range map[string]int{
		"SORT many BY " + huge:                                        -1, // the pattern, for each element
		"SORT many BY *" + huge:                                       -1,
		"SORT many BY *->" + huge:                                     -1,
		"SORT many GET " + huge:                                       -1,
		"SORT_RO many GET " + huge:                                    -1,
		"SORT many GET " + huge + " STORE d":                          -1,
		"SORT many BY nosort GET " + huge:                             -1,
		"SORT many BY nosort GET " + huge + " LIMIT 0 20":             20,
		"SORT many GET " + huge + " LIMIT 0 20 DESC":                  20,
		"SORT many BY * ALPHA LIMIT 0 30":                             30,
		"SORT alike BY * ALPHA STORE d":                               -1, // long values, in each comparison
		"SORT alike BY * ALPHA":                                       -1, // and in search of a zero byte
		"SORT alike BY * LIMIT 0 1":                                   -1, // which are no numbers
		"SORT alike BY nosort GET # LIMIT 0 7":                        7,
		"SORT long ALPHA":                                             40,
		"SORT long BY nosort" + strings.Repeat(" GET *", 250):         -1, // the element, in each pattern
		"SORT many BY nosort" + strings.Repeat(" GET #", 1000):        -1,
		"SORT many BY nosort LIMIT 9 9" + strings.Repeat(" GET #", 9): 81,
		"SORT long BY nosort LIMIT 0 1" + strings.Repeat(" GET *", 9): 9,
	} {
		o, err := w.do(words(line))
		switch name := fmt.Sprintf("%.40s…%s", line, line[max(0, len(line)-30):]); {
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case elements < 0 && (!o.reply.IsError() || !strings.HasPrefix(o.reply.Text(), tooMuchSort)):
			t.Errorf("%s: %.100s", name, o.reply)
		case elements >= 0 && len(o.reply.Items) != elements:
			t.Errorf("%s: %d elements, %.100s", name, len(o.reply.Items), o.reply)
		}
	}
	if o, err := w.do(words("EXISTS d")); err != nil || o.reply.Int != 0 {
		t.Error("something was stored")
	}
}
