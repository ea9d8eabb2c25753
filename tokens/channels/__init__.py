"""The channels. Which there are: `declarations`; as they are called: `registry`. How to add one: docs/add-a-channel.md."""
