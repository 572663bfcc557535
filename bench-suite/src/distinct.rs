//! Lists without repetitions, in their own order.

/// Returns the items without their repetitions, in the order in which they first appear. Its time grows with the square
/// of the number of distinct items, because items need not be hashable; it is meant for names and settings.
pub fn distinct<T: PartialEq>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    for item in items {
        if !distinct.contains(&item) {
            distinct.push(item);
        }
    }
    distinct
}

#[cfg(test)]
mod tests {
    use super::distinct;

    #[test]
    fn each_item_is_where_it_first_was() {
        assert_eq!(distinct(["b", "a", "b", "c", "a"]), ["b", "a", "c"]);
        assert!(distinct(Vec::<f64>::new()).is_empty());
    }
}
