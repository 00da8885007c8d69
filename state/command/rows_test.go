package command_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/command"
)

// newer are what Redis 7.2 says otherwise than the 7.0 that rows are compared
// with, as "name: part".
func newer() map[string]string {
	return map[string]string{
		"wait: flags":                        "not from scripts in 7.0; in 7.2 it blocks, and answers them at once",
		"msetnx: tips":                       "it cannot be split over shards, being all or nothing",
		"randomkey: tips":                    "the answers of several shards want a choice",
		"scan: tips":                         "the answers of several shards want care",
		"client|setname: tips":               "a proxy sends it to all nodes",
		"client|list: arguments":             "ID is described without a block",
		"command|getkeys: arity":             "a command without arguments is asked for too",
		"command|getkeys: arguments":         "7.0 describes none",
		"command|getkeysandflags: arity":     "as command|getkeys",
		"command|getkeysandflags: arguments": "as command|getkeys",
		"config|get: arguments":              "described without a block",
		"config|resetstat: tips":             "a proxy sends it to all nodes",
		"config|rewrite: tips":               "a proxy sends it to all nodes",
		"debug: arguments":                   "7.0 describes none",
		"zrank: arity":                       "7.2 has WITHSCORE",
		"zrank: arguments":                   "as its arity",
		"zrevrank: arity":                    "as zrank",
		"zrevrank: arguments":                "as zrank",
		"pfmerge: arguments":                 "there may be no source",
		"georadius: arguments":               "STORE and STOREDIST are one choice",
		"georadiusbymember: arguments":       "as georadius",
	}
}

// own are the rows that Redis does not have, or that mean something else.
func own(s *command.Spec) bool {
	return s.Group == "altilium" || strings.HasPrefix(s.Since, "altilium")
}

// everyRow calls f for each row, subcommands included.
func everyRow(table *command.Table, f func(s *command.Spec)) {
	for _, s := range table.All() {
		f(s)
		for _, sub := range s.Sub {
			f(sub)
		}
	}
}

// TestRows holds what every row must have.
func TestRows(t *testing.T) {
	table := command.NewTable()
	seen := map[string]bool{}
	ords := map[int]bool{}
	everyRow(table, func(s *command.Spec) {
		name := s.FullName()
		if seen[name] {
			t.Errorf("%s is there twice", name)
		}
		seen[name] = true
		ords[s.Ord] = true
		for problem, is := range map[string]bool{
			"the name is not in lower case":      strings.ToLower(s.Name) != s.Name || s.Name == "",
			"there is no arity":                  s.Arity == 0,
			"both writes and only reads":         s.Flags&command.Write != 0 && s.Flags&command.ReadOnly != 0,
			"there is no summary":                s.Summary == "",
			"the summary is no sentence":         !strings.HasSuffix(s.Summary, "."),
			"since when is it there":             s.Since == "",
			"there is no group":                  s.Group == "",
			"there is no complexity":             s.Complexity == "",
			"a decision and subcommands":         s.Decide != nil && s.Sub != nil,
			"a decision that does nothing":       s.Decide != nil && s.Flags&(command.Write|command.ReadOnly|command.Fast|command.Loading|command.Admin) == 0,
			"keys, but neither a read nor write": len(s.Keys) > 0 && s.Decide != nil && s.Flags&(command.Write|command.ReadOnly) == 0,
		} {
			if is {
				t.Errorf("%s: %s", name, problem)
			}
		}
	})
	if len(ords) != table.Rows() {
		t.Errorf("%d ordinals for %d rows", len(ords), table.Rows())
	}
	for ord := range table.Rows() {
		if !ords[ord] {
			t.Errorf("no row has the ordinal %d", ord)
		}
	}
}

// TestRowsDifferential compares the rows with COMMAND INFO and COMMAND DOCS of
// redis-server.
func TestRowsDifferential(t *testing.T) {
	redis := startRedis(t)
	everyRow(command.NewTable(), func(s *command.Spec) {
		if own(s) {
			return
		}
		name := s.FullName()
		info := redis.do(t, argv([]string{"COMMAND", "INFO", name})...)
		docs := redis.do(t, argv([]string{"COMMAND", "DOCS", name})...)
		if len(info.Items) != 1 || len(info.Items[0].Items) == 0 {
			if s.Since < "7.2" {
				t.Errorf("%s: Redis 7.0 does not have it, and it is said to be there since %s", name, s.Since)
			}
			return
		}
		theirs := rowOfRedis(info.Items[0].Items, docs)
		for part, ours := range rowOf(s) {
			if _, known := newer()[name+": "+part]; !known && ours != theirs[part] {
				t.Errorf("%s: %s\nours:  %s\nredis: %s", name, part, ours, theirs[part])
			}
		}
	})
}

// rowOf is the comparable parts of a row.
func rowOf(s *command.Spec) map[string]string {
	var keys []string
	for _, k := range s.Keys {
		keys = append(keys, keySpec(k)+" "+sortedWords(k.Flags))
	}
	var args []string
	for _, a := range s.Args {
		args = append(args, a.Type+" "+a.Token+" "+sortedWords(a.Flags))
	}
	return map[string]string{
		"arity": fmt.Sprint(s.Arity), "flags": fmt.Sprint(s.Flags &^ (command.Volatile | command.MayReplicate)), "keys": strings.Join(keys, "; "),
		"tips": sortedWords(s.Tips), "since": s.Since, "group": s.Group, "arguments": strings.Join(args, "; "),
	}
}

// keySpec is where to begin and how to go on.
func keySpec(k command.Keys) string {
	last := k.Last
	if last >= 0 && k.Keyword == "" {
		last -= k.First // Redis counts from the first key
	}
	switch {
	case k.Unknown:
		return "unknown, unknown"
	case k.Counted:
		return fmt.Sprint("index ", k.First, ", keynum ", k.Step)
	case k.Keyword != "":
		return fmt.Sprint("keyword ", k.Keyword, " ", k.First, ", range ", last, " ", k.Step, " ", k.Limit)
	}
	return fmt.Sprint("index ", k.First, ", range ", last, " ", k.Step, " ", k.Limit)
}

// rowOfRedis is the same of what COMMAND INFO and DOCS answer, in RESP2.
func rowOfRedis(info []resp.Value, docs resp.Value) map[string]string {
	var flags command.Flag
	for _, f := range info[2].Items {
		flags |= flagNamed(f.Text())
	}
	var keys []string
	for _, k := range info[8].Items {
		keys = append(keys, keySpecOfRedis(pick(k, "begin_search"), pick(k, "find_keys"))+" "+sortedWords(joined(pick(k, "flags").Items)))
	}
	doc := docs.Items[1]
	var args []string
	for _, a := range pick(doc, "arguments").Items {
		args = append(args, pick(a, "type").Text()+" "+pick(a, "token").Text()+" "+sortedWords(joined(pick(a, "flags").Items)))
	}
	return map[string]string{
		"arity": fmt.Sprint(info[1].Int), "flags": fmt.Sprint(flags), "keys": strings.Join(keys, "; "),
		"tips": sortedWords(joined(info[7].Items)), "since": pick(doc, "since").Text(), "group": pick(doc, "group").Text(),
		"arguments": strings.Join(args, "; "),
	}
}

// keySpecOfRedis is keySpec of what COMMAND INFO answers.
func keySpecOfRedis(begin, find resp.Value) string {
	from, how := pick(begin, "spec"), pick(find, "spec")
	text := pick(begin, "type").Text()
	switch text {
	case "index":
		text += fmt.Sprint(" ", pick(from, "index").Int)
	case "keyword":
		text += fmt.Sprint(" ", pick(from, "keyword").Text(), " ", pick(from, "startfrom").Int)
	}
	text += ", " + pick(find, "type").Text()
	switch pick(find, "type").Text() {
	case "range":
		text += fmt.Sprint(" ", pick(how, "lastkey").Int, " ", pick(how, "keystep").Int, " ", pick(how, "limit").Int)
	case "keynum":
		text += fmt.Sprint(" ", pick(how, "keystep").Int)
	}
	return text
}

// pick finds a field of a map in RESP2.
func pick(v resp.Value, field string) resp.Value {
	for i := 0; i+1 < len(v.Items); i += 2 {
		if v.Items[i].Text() == field {
			return v.Items[i+1]
		}
	}
	return resp.Value{Kind: '_'}
}

func joined(items []resp.Value) string {
	var words []string
	for _, i := range items {
		words = append(words, i.Text())
	}
	return strings.Join(words, " ")
}

func sortedWords(s string) string {
	words := strings.Fields(strings.ToUpper(s))
	slices.Sort(words)
	return strings.Join(words, " ")
}

// flagNamed is a flag by the word of COMMAND INFO; of an unknown word, a flag
// that no row has.
func flagNamed(word string) command.Flag {
	names := map[string]command.Flag{
		"write": command.Write, "readonly": command.ReadOnly, "denyoom": command.DenyOOM, "admin": command.Admin,
		"pubsub": command.PubSub, "noscript": command.NoScript, "blocking": command.Blocking, "loading": command.Loading,
		"stale": command.Stale, "skip_monitor": command.SkipMonitor, "skip_slowlog": command.SkipSlowlog,
		"asking": command.Asking, "fast": command.Fast, "no_auth": command.NoAuth,
		"no_multi": command.NoMulti, "allow_busy": command.AllowBusy, "movablekeys": command.MovableKeys,
		"no_async_loading": command.NoAsyncLoading,
	}
	if f, ok := names[word]; ok {
		return f
	}
	return 1 << 31
}
