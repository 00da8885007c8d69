package past

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/state/command"
)

// TestConditions: what a condition is worth on a state.
func TestConditions(t *testing.T) {
	w := newWorld(t)
	w.do("SET stock 7", "SET neg -1", "SET zero 0", "SET empty ''", "SET name 'Ada Lovelace'", "SET big 9007199254740993",
		"SET f 1.50", "SET e 1e3", `SET 'two words' x`, "SET and 1", "SET a>b 2", "SET inf inf", `SET bytes "\xff\n"`,
		"HSET user:1 name Ada age 36", "SADD roles admin dev", "RPUSH l a b c", "ZADD z 1 one 2.5 two", "SETEX soon 100 v",
		"XADD s 1-1 f v")
	r := w.reader(w.log.Last())
	for text, want := range map[string]bool{
		"GET stock >= 0":                            true,
		"GET stock > 7":                             false,
		"GET stock >= 7":                            true,
		"GET stock < 10":                            true, // as numbers: as texts "7" > "10"
		"GET stock <= 6":                            false,
		"GET stock == 7.0":                          true,
		"GET stock == 07":                           true,
		"GET stock == seven":                        false,
		"GET stock != seven":                        true,
		"GET neg < 0":                               true,
		"GET neg >= -1":                             true,
		"0 <= GET stock":                            true,
		"7 == GET stock":                            true,
		"GET big == 9007199254740993":               true,
		"GET big == 9007199254740992":               false, // equal as doubles
		"GET f == 1.5":                              true,
		"GET e == 1000":                             true,
		"GET inf > 1e300":                           true,
		"GET name == 'Ada Lovelace'":                true,
		`GET name == "Ada Lovelace"`:                true,
		`GET name == Ada" "Lovelace`:                true,
		`GET name == Ada\ Lovelace`:                 true,
		"GET name == ada":                           false,
		"GET name contains Love":                    true,
		"GET name CONTAINS love":                    false,
		`GET "two words" == x`:                      true,
		`GET "and" == 1`:                            true,
		`GET a">"b == 2`:                            true,
		`GET bytes == "\xff\n"`:                     true,
		`GET bytes == "\xFF\n"`:                     true,
		"HGET user:1 name == Ada":                   true,
		"HGET user:1 nosuch == Ada":                 false,
		"EXISTS stock":                              true,
		"EXISTS nosuch":                             false,
		"not EXISTS nosuch":                         true,
		"NOT not EXISTS stock":                      true,
		"GET zero":                                  false,
		"GET neg":                                   true,
		"GET empty":                                 false,
		"GET name":                                  true,
		"LRANGE l 0 -1":                             true,
		"LRANGE nosuch 0 -1":                        false,
		"HGETALL nosuch":                            false,
		"SCARD roles < 10":                          true,
		"TYPE user:1 == hash":                       true,
		"TYPE nosuch == none":                       true,
		"GET nosuch == x":                           false, // nothing is unequal to everything
		"GET nosuch != x":                           true,
		"GET nosuch < 1":                            false,
		"GET nosuch >= 0":                           false,
		"GET nosuch == GET nosuch":                  false,
		"GET nosuch contains x":                     false,
		"not EXISTS nosuch or GET nosuch >= 0":      true,
		"GET stock == GET stock":                    true,
		"GET stock > GET neg":                       true,
		"10 < (DBSIZE)":                             true,
		"DBSIZE > 100":                              false,
		"(GET stock) == 7":                          true,
		"SMEMBERS roles contains admin":             true,
		"SMEMBERS roles contains adm":               false,
		"LRANGE l 0 -1 contains c":                  true,
		"LRANGE l 0 -1 contains (LINDEX l 0)":       true,
		"HGETALL user:1 contains age":               true,
		"HGETALL user:1 contains 36":                false,
		"ZRANGE z 0 -1 contains two":                true,
		"ZRANGE z 0 -1 WITHSCORES contains two":     true,
		"ZSCORE z two == 2.5":                       true,
		"ZSCORE z two > 2":                          true,
		"MGET stock nosuch contains 7":              true,
		"TTL soon == 100":                           true,
		"SISMEMBER roles dev":                       true,
		"XLEN s == 1":                               true,
		"LOG OFFSET == 19":                          true,
		"TIME":                                      true,
		"GET stock and GET zero":                    false,
		"GET stock or GET zero":                     true,
		"GET zero and GET zero or GET stock":        true, // and binds tighter
		"GET stock or GET zero and GET zero":        true,
		"(GET stock or GET zero) and GET zero":      false,
		"not GET zero and GET stock":                true, // not binds tightest
		"not (GET stock and GET zero)":              true,
		"not GET stock == 8":                        true,
		"TYPE stock == hash and HLEN stock > 0":     false, // what is not needed is not asked
		"TYPE stock != hash or HLEN stock > 0":      true,
		"(TYPE l == list and LLEN l == 3)":          true,
		"((EXISTS stock))and(EXISTS l)":             true,
		"\tGET  stock\n>= 0 ":                       true,
		"5 == 5 and EXISTS stock":                   true,
		"SORT_RO l ALPHA DESC LIMIT 0 1 contains c": true,
	} {
		x, err := ParseExpr(w.table, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, err := x.Judge(r); err != nil || got.Holds != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

// TestBadConditions: each is refused where it is wrong.
func TestBadConditions(t *testing.T) {
	table := command.NewTable()
	for text, want := range map[string]string{
		"":                             "1: it ends where a command or a value must follow",
		"GET":                          "1: wrong number of arguments",
		"NOSUCH k":                     "1: unknown command",
		"EXISTS a and":                 "13: it ends where a command",
		"EXISTS a and and":             "14: and stands where a command",
		"EXISTS a or )":                "13: ) stands where a command",
		"not":                          "4: it ends",
		"(EXISTS a":                    "10: it ends where ) must follow",
		"EXISTS a)":                    "9: ) stands where the end",
		"GET a ==":                     "9: it ends",
		"GET a == 1 == 1":              "12: == stands where",
		"GET a = 1":                    "7: = is no operator: == is",
		"GET a>=1":                     "5: a>=1: an operator stands between blanks",
		"GET a ==1":                    "7: ==1: an operator stands between blanks",
		"GET a <> 1":                   "7: <>: an operator",
		"GET 'a":                       "5: this quotation has no end",
		`GET a"b`:                      "6: this quotation has no end",
		`GET a\`:                       "6: nothing follows the backslash",
		"GET a == 1 EXISTS b":          "10: unknown command '1'",
		"SET a b":                      "1: SET writes; a condition only reads",
		"EXISTS a and GETDEL a == 1":   "14: GETDEL writes",
		"INFO":                         "1: INFO speaks of a connection or a running server",
		"OBJECT IDLETIME a > 1":        "1: OBJECT IDLETIME speaks",
		"SELECT 1":                     "1: SELECT speaks",
		"ASOF @1 GET a == 1":           "1: ASOF speaks",
		"5 == 5":                       "1: it asks nothing",
		"5":                            "1: it asks nothing",
		"(EXISTS a or EXISTS b) == 1":  "11: a condition is no side of ==",
		"1 == (not EXISTS b)":          "7: a condition is no side of ==",
		strings.Repeat("(", 5000):      "it is too deep",
		strings.Repeat("not ", 10_000): "it is too deep",
	} {
		_, err := ParseExpr(table, text)
		var e *ExprError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
}

// TestConditionsThatFail: what a command answers at a moment is told with its place.
func TestConditionsThatFail(t *testing.T) {
	w := newWorld(t)
	w.do("SET k v", "RPUSH l a")
	r := w.reader(2)
	for text, want := range map[string]string{
		"EXISTS k and HGET k f == 1":  "character 14: HGET answers at @2 (2026-01-01T00:00:00.000000Z): WRONGTYPE",
		"LRANGE l 0 -1 == a":          "character 1: a list can only be asked what it contains, not ==",
		"GET k == LRANGE l 0 -1":      "character 10: this side of == answers a list",
		"GET k contains SMEMBERS nos": "character 16: this side of contains answers a list",
	} {
		if _, err := w.parse(text).Judge(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestKeysOfConditions: which keys matter, and when others or the clock do.
func TestKeysOfConditions(t *testing.T) {
	w := newWorld(t)
	for text, want := range map[string]string{
		"GET a >= 0":                             "a",
		"GET a >= 0 and not (HGET b f == GET c)": "a b c",
		"MGET a b c contains x":                  "a b c",
		"SINTERCARD 2 a b > 1":                   "a b",
		"DBSIZE > 1":                             "all",
		"GET a == 1 or KEYS x* contains xa":      "a all",
		"TTL a > 1":                              "a all",
		"SORT_RO l BY w_* contains 1":            "l all",
		"TIME":                                   "all",
		"OBJECT ENCODING a == int":               "a",
		"XREAD STREAMS a b 0 0":                  "a b",
	} {
		keys, all := w.parse(text).Keys()
		got := make([]string, 0, len(keys))
		for _, k := range keys {
			got = append(got, string(k))
		}
		if all {
			got = append(got, "all")
		}
		if !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s: %q", text, got)
		}
	}
}

// TestAskedTexts: how tries show what was asked.
func TestAskedTexts(t *testing.T) {
	w := newWorld(t)
	w.do(`SET 'two words' "a\nb"`, "RPUSH l a b", "HSET h f v", "SET long "+strings.Repeat("x", 100))
	j, err := w.parse(`GET "two words" == x or LRANGE l 0 -1 contains x or HGETALL h contains x or GET long == x or GET nosuch == 1 or LLEN l == 3`).
		Judge(w.reader(4))
	want := []string{`GET "two words" = "a\nb"`, "LRANGE l 0 -1 = a list of 2", "HGETALL h = a map of 1",
		`GET long = "` + strings.Repeat("x", 40) + `"… (100 bytes)`, "GET nosuch = nil", "LLEN l = 2"}
	if err != nil || j.Holds || !slices.Equal(j.Asked, want) {
		t.Errorf("%v, %v", j, err)
	}
}

// FuzzParseExpr: no text does harm, and a condition that was read can be asked.
func FuzzParseExpr(f *testing.F) {
	for _, seed := range []string{"GET stock >= 0", `HGET user:1 name == "Ada" and not EXISTS b`, "(SCARD s < 10) or TYPE k == hash",
		`GET "\xff" contains 'x`, "((", "not not not", "10 < (DBSIZE)", "GET a\\", "SORT_RO l BY w_* GET # contains 1"} {
		f.Add(seed)
	}
	w := newWorld(f)
	w.do("SET stock 5", "HSET user:1 name Ada", "SADD s a b")
	r := w.reader(3)
	f.Fuzz(func(t *testing.T, text string) {
		x, err := ParseExpr(w.table, text)
		var e *ExprError
		if err != nil {
			if !errors.As(err, &e) || e.Pos < 1 || e.Pos > len(text)+1 {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		x.Keys()
		first, err := x.Judge(r)
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%q: %v", text, err)
		}
		if second, again := x.Judge(r); (again == nil) != (err == nil) || second.Holds != first.Holds && !strings.Contains(strings.ToUpper(text), "RAND") {
			t.Fatalf("%q: %v and then %v", text, first, second)
		}
	})
}
