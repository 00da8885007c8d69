package state

import (
	"go/build/constraint"
	"go/types"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestOnly64Bit: the file that does not compile is there for every processor of 32 bits
// that Go knows, and for no other.
func TestOnly64Bit(t *testing.T) {
	src, err := os.ReadFile("only_64_bit.go")
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(src), "\n")
	expr, err := constraint.Parse(line)
	if err != nil {
		t.Fatal(err)
	}
	list, err := exec.Command("go", "tool", "dist", "list").Output()
	if err != nil {
		t.Fatal(err)
	}
	short := 0
	for _, port := range strings.Fields(string(list)) {
		_, arch, _ := strings.Cut(port, "/")
		sizes := types.SizesFor("gc", arch)
		if sizes == nil {
			t.Fatalf("%s: its sizes are not known", port)
		}
		refused := expr.Eval(func(tag string) bool { return tag == arch })
		if is32 := sizes.Sizeof(types.Typ[types.Int]) == 4; is32 != refused {
			t.Errorf("%s: an int of 32 bits: %v, refused: %v", port, is32, refused)
		} else if is32 {
			short++
		}
	}
	if short == 0 {
		t.Error("no port of 32 bits was seen")
	}
}
