//! The skin, as its user would use it.

#[test]
fn it_is_three_hundred_lines_of_rust() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let chapters =
        std::fs::read_dir(folder).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
    let lines: usize = chapters.map(|chapter| chapter.lines().filter(is_code).count()).sum();
    assert!(lines <= 300, "{lines} lines, without those that are empty or comments");
}
