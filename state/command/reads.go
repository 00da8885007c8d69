package command

// Reads gives the keys that calls read, where their replies follow from what these hold, from
// the clock and from chance: ok is false where one of the calls may read more, and where there
// are more keys than most. A call that is answered without a look at the data has none.
func (t *Table) Reads(calls [][][]byte, most int) (keys [][]byte, ok bool) {
	for _, args := range calls {
		spec, problem := t.Lookup(args)
		if problem != "" {
			continue
		}
		if spec.Decide == nil || len(spec.Keys) == 0 || readsMore(spec, args) {
			return nil, false
		}
		for at := range spec.KeyPositions(args) {
			if keys = append(keys, args[at]); len(keys) > most {
				return nil, false
			}
		}
	}
	return keys, true
}

// readsMore reports whether a call may read keys that it does not name: those that SORT makes
// of patterns.
func readsMore(spec *Spec, args [][]byte) bool {
	if spec.Name != "sort_ro" && spec.Name != "sort" {
		return false
	}
	for _, word := range args[2:] {
		if IsWord(word, "BY") || IsWord(word, "GET") {
			return true
		}
	}
	return false
}
