package command_test

import (
	"math/big"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/state/command"
	"pgregory.net/rapid"
)

// TestLongDouble holds texts against what strtold reads and printf("%.17Lf")
// prints on x86-64, zeros at the end taken off.
func TestLongDouble(t *testing.T) {
	long := strings.Repeat("9", 5119)
	for _, c := range []struct{ text, printed string }{
		{"0", "0"}, {"-0", "0"}, {"+0.0", "0"}, {"00", "0"}, {"0e5", "0"}, {".0", "0"},
		{"1", "1"}, {"-1", "-1"}, {"+1", "1"}, {"01", "1"}, {"1.", "1"}, {".5", "0.5"}, {"-.5", "-0.5"},
		{"3.0e3", "3000"}, {"3.0E-3", "0.003"}, {"1e+2", "100"},
		{"0.1", "0.1"}, {"0.3", "0.3"}, {"10.6", "10.6"}, {"1.23456789", "1.23456789"},
		{"123456789.123456789", "123456789.12345678899873747"},
		{"18446744073709551615", "18446744073709551615"}, {"18446744073709551617", "18446744073709551616"},
		{"36893488147419103231", "36893488147419103232"},
		{"0x10", "16"}, {"0X.8", "0.5"}, {"0x1.8p1", "3"}, {"-0xAp-1", "-5"}, {"0xffffffffffffffffff", "4722366482869645213696"},
		{"1e-17", "0.00000000000000001"}, {"1e-18", "0"}, {"-1e-18", "0"}, {"5e-18", "0"}, {"5.0000001e-18", "0.00000000000000001"},
		{"3.7e-4951", "0"}, {"0x1p-16445", "0"}, {"1e-" + strings.Repeat("0", 100) + "1", "0.1"},
		{"0." + strings.Repeat("0", 5000) + "0", "0"},
		{"", ""}, {" 1", ""}, {"1 ", ""}, {"x", ""}, {"1x", ""}, {"1e", ""}, {"1e+", ""}, {".", ""}, {"-", ""}, {"+-1", ""},
		{"nan", ""}, {"NaN(1)", ""}, {"0x", ""}, {"0x.", ""}, {"0x1p", ""}, {"0xg", ""}, {"0X\x10", ""}, {"0x1.8.1", ""}, {"1,5", ""},
		{"1e4933", ""}, {"1.189731495357231766e4932", ""}, {"1e999999999999999999999", ""}, {"0x1p16384", ""}, {"-0x1p99999999999", ""},
		{"1e-4960", ""}, {"0x1p-16446", ""}, {"1e-99999999999999999", ""}, {long, ""}, {"0." + strings.Repeat("0", 5118), ""},
		{"1\x00", ""}, {"inf\x00", ""}, {"1e5\x00", ""},
	} {
		n, ok := command.ParseLongDouble([]byte(c.text))
		if ok != (c.printed != "") {
			t.Errorf("%.40q: read: %v", c.text, ok)
			continue
		}
		if got := string(n.Append(nil)); ok && got != c.printed {
			t.Errorf("%.40q: %s, not %s", c.text, got, c.printed)
		}
	}
}

func TestLongDoubleInfinite(t *testing.T) {
	one, _ := command.ParseLongDouble([]byte("1"))
	for _, text := range []string{"inf", "-inf", "+INF", "infinity", "-Infinity"} {
		n, ok := command.ParseLongDouble([]byte(text))
		if !ok || !n.IsInf() {
			t.Errorf("%s: %v, infinite %v", text, ok, n.IsInf())
		}
		for _, d := range []command.LongDouble{one, n, {}} {
			if _, ok := n.Add(d); ok {
				t.Errorf("%s: something can be added", text)
			}
			if _, ok := d.Add(n); ok {
				t.Errorf("%s: can be added", text)
			}
		}
	}
	largest, ok := command.ParseLongDouble([]byte("1.189731495357231765e4932"))
	if !ok || largest.IsInf() {
		t.Fatal("the largest number is none")
	}
	if _, ok := largest.Add(largest); ok {
		t.Error("twice the largest number is a number")
	}
	if sum, ok := largest.Add(one); !ok || string(sum.Append(nil)) != string(largest.Append(nil)) {
		t.Error("the largest number and 1 is another number")
	}
}

// TestLongDoubleAdd: 64 bits of mantissa, to even.
func TestLongDoubleAdd(t *testing.T) {
	for _, c := range []struct{ a, b, sum string }{
		{"0.1", "0.2", "0.3"}, {"10.5", "0.1", "10.6"}, {"3.0e3", "200", "3200"}, {"0", "0", "0"}, {"-0", "0", "0"}, {"1", "-1", "0"},
		{"18446744073709551615", "1", "18446744073709551616"}, {"18446744073709551616", "1", "18446744073709551616"},
		{"18446744073709551618", "1", "18446744073709551620"}, {"18446744073709551616", "2", "18446744073709551618"},
		{"1e20", "1e-20", "100000000000000000000"},
	} {
		a, _ := command.ParseLongDouble([]byte(c.a))
		b, _ := command.ParseLongDouble([]byte(c.b))
		for _, pair := range [][2]command.LongDouble{{a, b}, {b, a}} {
			if sum, ok := pair[0].Add(pair[1]); !ok || string(sum.Append(nil)) != c.sum {
				t.Errorf("%s + %s = %s, not %s", c.a, c.b, sum.Append(nil), c.sum)
			}
		}
	}
}

// TestLongDoubleAppend appends to what is there, and cuts nothing off it.
func TestLongDoubleAppend(t *testing.T) {
	for text, want := range map[string]string{"0": "10.00", "1.50": "10.01.5", "-0": "10.00", "100": "10.0100", "-1e-30": "10.00"} {
		n, _ := command.ParseLongDouble([]byte(text))
		if got := string(n.Append([]byte("10.0"))); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}

// FuzzLongDouble compares with math/big where that reads the text at all, and
// reads what was printed back.
func FuzzLongDouble(f *testing.F) {
	for _, seed := range []string{"1.5", "-0x1.8p3", "1e400", "inf", "1e-4951", "..", "0x", "1e+", "99999999999999999999.5", "1e99999999999", "0X\x10"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		n, ok := command.ParseLongDouble(text)
		if !ok || n.IsInf() {
			return
		}
		printed := n.Append(nil)
		if _, ok := command.ParseLongDouble(printed); !ok {
			t.Fatalf("%q is printed as %q, which is no number", text, printed)
		}
		s := string(text)
		if strings.ContainsAny(s, "xX") && !strings.ContainsAny(s, "pP") {
			s += "p0"
		}
		want, _, err := big.ParseFloat(s, 0, 64, big.ToNearestEven)
		if err != nil || strings.ContainsAny(s, "_bBoO") {
			return // big reads other texts too, and not all of these
		}
		diff := new(big.Float).Sub(want, asBig(t, printed))
		if diff.Abs(diff).Cmp(big.NewFloat(1e-16)) > 0 {
			t.Fatalf("%q is printed as %q", text, printed)
		}
	})
}

// asBig reads what Append wrote, exactly.
func asBig(t *testing.T, printed []byte) *big.Float {
	f, _, err := big.ParseFloat(string(printed), 10, 20000, big.ToNearestEven)
	if err != nil {
		t.Fatalf("%q: %v", printed, err)
	}
	return f
}

// TestRandomFloats lets redis-server add the same numbers, in C's long double.
func TestRandomFloats(t *testing.T) {
	keys := []string{"a"}
	number := rapid.StringMatching(`[+-]?([0-9]{1,21}(\.[0-9]{0,20})?|\.[0-9]{1,20})([eE][+-]?[0-9]{1,2})?|-?0x[0-9a-f]{1,20}(\.[0-9a-f]{1,3})?(p[+-]?[0-9]{1,3})?`)
	compareRandomly(t, keys, func(t *rapid.T) []string {
		if rapid.IntRange(0, 9).Draw(t, "again") == 0 {
			return []string{"SET", "a", number.Draw(t, "value")}
		}
		return []string{"INCRBYFLOAT", "a", number.Draw(t, "delta")}
	})
}
