package engine

import (
	"strings"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state/command"
)

// commandDocs is COMMAND DOCS [name …]: a map from names to documentation, in
// our own words. Unknown names are left out, as in Redis.
func commandDocs(e *Engine, _ *Session, c *command.Call) {
	specs := e.table.All()
	if len(c.Args) > 2 {
		specs = nil
		for _, name := range c.Args[2:] {
			if s := e.table.Named(name); s != nil {
				specs = append(specs, s)
			}
		}
	}
	limit := command.NewLimit(c.Out)
	if !writeDocs(c.Out, specs, limit) {
		limit.Refuse()
	}
}

// writeDocs writes what there is to say of commands; false when that exceeds the limit.
func writeDocs(out *resp.Writer, specs []*command.Spec, limit command.Limit) (ok bool) {
	out.Map(len(specs))
	for _, s := range specs {
		out.BulkString(s.FullName())
		if writeDoc(out, s, limit); limit.Exceeded() {
			return false
		}
	}
	return true
}

// writeDoc writes what there is to say of one command; absent parts are left
// out.
func writeDoc(out *resp.Writer, s *command.Spec, limit command.Limit) {
	texts := pairsOf("summary", s.Summary, "since", s.Since, "group", s.Group, "complexity", s.Complexity)
	n := len(texts) / 2
	if len(s.Args) > 0 {
		n++
	}
	if len(s.Sub) > 0 {
		n++
	}
	out.Map(n)
	for _, t := range texts {
		out.BulkString(t)
	}
	if len(s.Args) > 0 {
		out.BulkString("arguments")
		keys := 0
		writeArgs(out, s.Args, &keys)
	}
	if len(s.Sub) > 0 {
		out.BulkString("subcommands")
		writeDocs(out, s.Sub, limit)
	}
}

// writeArgs writes arguments; keys counts the key specs that were named, since
// an argument of type key says which of them it is.
func writeArgs(out *resp.Writer, args []command.Arg, keys *int) {
	out.Array(len(args))
	for _, a := range args {
		texts := pairsOf("name", a.Name, "type", a.Type, "token", a.Token)
		flags := strings.Fields(a.Flags)
		n := len(texts) / 2
		for _, there := range []bool{a.Type == "key", len(flags) > 0, len(a.Sub) > 0} {
			if there {
				n++
			}
		}
		out.Map(n)
		for _, t := range texts {
			out.BulkString(t)
		}
		if a.Type == "key" {
			pairInt(out, "key_spec_index", int64(*keys))
			*keys++
		}
		if len(flags) > 0 {
			out.BulkString("flags")
			writeWords(out, "", flags)
		}
		if len(a.Sub) > 0 {
			out.BulkString("arguments")
			writeArgs(out, a.Sub, keys)
		}
	}
}

// pairsOf drops the pairs whose value is empty.
func pairsOf(pairs ...string) []string {
	var out []string
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			out = append(out, pairs[i], pairs[i+1])
		}
	}
	return out
}
