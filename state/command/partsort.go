package command

// sortPart brings those items to where they belong that come from place first to place last
// in the order of compare; the others stay on their side of them, in no order. It is the
// quicksort of Bentley and McIlroy (Engineering a Sort Function, 1993), which Redis' pqsort
// is too: of items that compare equal the same come first as there.
func sortPart[T any](items []T, first, last int, compare func(a, b *T) int) {
	for len(items) >= 7 && first < len(items) && last >= 0 {
		less, more := partition(items, compare)
		// The smaller side by a call, so that there are few of them at a time.
		rest := len(items) - more
		if less < rest {
			sortPart(items[:less], first, last, compare)
			items, first, last = items[rest:], first-rest, last-rest
		} else {
			sortPart(items[rest:], first-rest, last-rest, compare)
			items = items[:less]
		}
	}
	if first >= len(items) || last < 0 {
		return
	}
	for i := 1; i < len(items); i++ {
		for k := i; k > 0 && compare(&items[k-1], &items[k]) > 0; k-- {
			items[k-1], items[k] = items[k], items[k-1]
		}
	}
}

// partition puts what is less than one of the items before all that are equal to it, and
// what is more behind them, and returns how many are less and how many more. While it works
// those that are equal are gathered at both ends:
//
//	equal | less | not looked at | more | equal
//	0     a      b              c      d
func partition[T any](items []T, compare func(a, b *T) int) (less, more int) {
	swap := func(i, k int) { items[i], items[k] = items[k], items[i] }
	swap(0, pivot(items, compare))
	n := len(items)
	a, b, c, d := 1, 1, n-1, n-1
	for {
		for ; b <= c; b++ {
			is := compare(&items[b], &items[0])
			if is > 0 {
				break
			}
			if is == 0 {
				swap(a, b)
				a++
			}
		}
		for ; b <= c; c-- {
			is := compare(&items[c], &items[0])
			if is < 0 {
				break
			}
			if is == 0 {
				swap(c, d)
				d--
			}
		}
		if b > c {
			break
		}
		swap(b, c)
		b, c = b+1, c-1
	}
	less, more = b-a, d-c
	for i := range min(a, less) {
		swap(i, b-min(a, less)+i)
	}
	for i := range min(more, n-1-d) {
		swap(b+i, n-min(more, n-1-d)+i)
	}
	return less, more
}

// pivot chooses the median of three of the items, of many the median of three such medians.
func pivot[T any](items []T, compare func(a, b *T) int) int {
	n := len(items)
	low, middle, high := 0, n/2, n-1
	if n == 7 {
		return middle
	}
	median := func(a, b, c int) int {
		less := func(i, k int) bool { return compare(&items[i], &items[k]) < 0 }
		switch {
		case less(a, b) && less(b, c), !less(a, b) && less(c, b):
			return b
		case less(a, b) == less(a, c):
			return c
		}
		return a
	}
	if n > 40 {
		d := n / 8
		low, middle, high = median(0, d, 2*d), median(middle-d, middle, middle+d), median(n-1-2*d, n-1-d, n-1)
	}
	return median(low, middle, high)
}
