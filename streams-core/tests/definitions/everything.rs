// Written by `streams ndl gen`: change the definition instead.

// example.org/everything
// A place where people say things,
// and answer each other.

/// Found by whoever knows its owner.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct EverythingCreated {}

impl EverythingCreated {
    /// The type of such objects.
    pub const TYPE: &str = "example.org/everything.Created";
}

/// Somebody says "something" \ or other */ to all.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct EverythingSaid {
    /// What is said.
    pub text: String,
    /// Below zero where it is taken back.
    pub count: i64,
    #[serde(rename = "countOfAll")]
    pub count_of_all: u64,
    pub ratio: f64,
    pub is_public: bool,
    pub picture: streams_core::Bytes,
    /// Whatever an application wants.
    pub extra: streams_core::Map,
    pub answers: streams_core::ObjectId,
    pub at: u64,
    pub by: EverythingPerson,
    pub note: Option<String>,
    pub size: Option<u64>,
    pub weight: Option<f64>,
    pub cites: Option<streams_core::ObjectId>,
    pub witness: Option<EverythingPerson>,
    #[serde(rename = "names:as")]
    pub names: Vec<String>,
    #[serde(rename = "counts:ai")]
    pub counts: Vec<i64>,
    #[serde(rename = "sizes:au")]
    pub sizes: Vec<u64>,
    #[serde(rename = "ratios:af")]
    pub ratios: Vec<f64>,
    #[serde(rename = "flags:ab")]
    pub flags: Vec<bool>,
    #[serde(rename = "pictures:ad")]
    pub pictures: Vec<streams_core::Bytes>,
    #[serde(rename = "extras:am")]
    pub extras: Vec<streams_core::Map>,
    #[serde(rename = "dependsOn:ar")]
    pub depends_on: Vec<streams_core::ObjectId>,
    #[serde(rename = "people:am")]
    pub people: Vec<EverythingPerson>,
    #[serde(rename = "tags:as")]
    pub tags: Option<Vec<String>>,
    #[serde(rename = "others:am")]
    pub others: Option<Vec<EverythingPerson>>,
    pub elsewhere: Option<streams_core::Map>,
}

impl EverythingSaid {
    /// The type of such objects.
    pub const TYPE: &str = "example.org/everything.Said";
}

/// `example.org/everything.Person`.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct EverythingPerson {
    pub name: String,
    pub parent: Option<Box<EverythingPerson>>,
    #[serde(rename = "friends:am")]
    pub friends: Vec<EverythingPerson>,
}

impl EverythingPerson {
    /// The type of such objects.
    pub const TYPE: &str = "example.org/everything.Person";
}

/// Names that mean something else elsewhere.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct EverythingOdd {
    pub r#type: String,
    #[serde(rename = "self")]
    pub self_: u64,
    pub class: bool,
    #[serde(rename = "a.b/c-d@e:as")]
    pub a_b_c_d_e: Vec<String>,
    #[serde(rename = "9lives")]
    pub n9lives: i64,
    pub from: Option<streams_core::Bytes>,
}

impl EverythingOdd {
    /// The type of such objects.
    pub const TYPE: &str = "example.org/everything.Odd";
}

/// Outside all streams.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct Tag {
    pub label: String,
}

impl Tag {
    /// The type of such objects.
    pub const TYPE: &str = "example.org/everything/tag.Tag";
}
