package replay

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// How what a bisection has found is written.

// String is the try as a line of progress.
func (p Probe) String() string {
	left := fmt.Sprintf("%d entries left", p.Left)
	if p.Left == 1 {
		left = "1 entry left"
	}
	return fmt.Sprintf("%s %s, %s", p.At, p.Verdict, left)
}

// String is the summary: how many tries it took, and what is to be said of the entry.
func (f *Found) String() string {
	text := fmt.Sprintf("the first bad entry is @%d, of %d, found in %d tries", f.Bad.Offset, f.Entries, f.Tries)
	switch {
	case len(f.Suspects) > 1:
		text = fmt.Sprintf("the first bad entry is one of %d from @%d to @%d: what lies between could not be told (%d tries)",
			len(f.Suspects), f.Suspects[0], f.Bad.Offset, f.Tries)
	case f.Clock:
		text += "; it touches none of the keys that matter: by its time one of them had expired"
	}
	return text
}

// Lines hands the suspects to visit, oldest first, at most so many.
func (f *Found) Lines(dir string, most int, visit func(*Line) error) error {
	s, err := OpenEntries(dir, f.Suspects[0]-1)
	if err != nil {
		return err
	}
	defer s.Close()
	for suspects := f.Suspects[:min(most, len(f.Suspects))]; len(suspects) > 0; {
		line, err := s.Next()
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		if line.Offset != suspects[0] {
			continue
		}
		suspects = suspects[1:]
		if err := visit(line); err != nil {
			return err
		}
	}
	return nil
}

// Compare puts the moments just before the first suspect and after the last side by side.
func (f *Found) Compare(dir string) (*Comparison, error) {
	return Compare(dir, AtOffset(f.Suspects[0]-1), AtOffset(slices.Max(f.Suspects)), nil)
}

// MostSuspects is how many suspects are written at most.
const MostSuspects = 20

// Write writes the entry as `altilium log` does, and what it changed as `altilium diff`.
func (f *Found) Write(dir string, w io.Writer) error {
	err := f.Lines(dir, MostSuspects, func(l *Line) error {
		_, err := fmt.Fprintln(w, l)
		return err
	})
	if more := len(f.Suspects) - MostSuspects; more > 0 && err == nil {
		_, err = fmt.Fprintf(w, "… and %d more\n", more)
	}
	if err != nil {
		return err
	}
	c, err := f.Compare(dir)
	if err != nil {
		return err
	}
	_, err = c.Each(nil, func(d Difference) error {
		_, err := fmt.Fprintln(w, d)
		return err
	})
	return err
}
