"""The content words of the story world: ten topics of twelve words. Knows no prompt, rule or token id."""

TOPICS: dict[str, tuple[str, ...]] = {
    name: tuple(words.split())
    for name, words in {
        "kitchen": "knife spoon fork kettle plate bowl pan jar ladle oven apron whisk",
        "music": "harp drum flute violin piano bell echo song choir tune chord horn",
        "forest": "moss fern oak pine birch root leaf owl fox deer acorn trail",
        "sweets": "honey cake sugar candy cookie jam syrup toffee fudge cream tart mint",
        "sea": "wave shell sand tide reef coral whale crab gull boat anchor sail",
        "sky": "cloud star moon sun comet dawn dusk rain storm wind thunder rainbow",
        "house": "door window chair table lamp carpet stair roof attic mirror clock shelf",
        "farm": "barn hay cow goat hen plow fence tractor field wheat corn mule",
        "city": "tower bridge street tram market square statue lantern alley bus plaza gate",
        "winter": "snow ice frost sled scarf mitten skate icicle blizzard cocoa fireplace igloo",
    }.items()
}

CONTENT_WORDS: tuple[str, ...] = tuple(word for words in TOPICS.values() for word in words)
TOPIC_OF: dict[str, str] = {word: name for name, words in TOPICS.items() for word in words}

MARKS: tuple[str, ...] = (".", "!")
"""Tokens that may close a response; a mark is not a word and is not counted."""
