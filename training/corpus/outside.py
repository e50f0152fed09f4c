"""What the models do not know, and say so."""

TOPICS = [word.strip() for word in """
photosynthesis, the moon, gravity, Napoleon, the Roman Empire, Shakespeare, chess, football, the World Cup, tennis, basketball,
pizza, bread, pasta, soup, chocolate cake, wine, coffee beans, tea, cheese, the French Revolution, World War II, democracy, taxes,
inflation, the stock market, Bitcoin, gold, a mortgage, insurance, the constitution, the president, the pope, Buddhism, Islam,
Christmas, Easter, a birthday party, a wedding, love, happiness, sadness, depression, a headache, the flu, cancer, diabetes, a
broken leg, vitamins, sleep, yoga, running, swimming, a marathon, cycling, a car, an engine, a bicycle, a plane, a train, a ship,
a rocket, Mars, Jupiter, a black hole, the sun, a star, the universe, the big bang, an atom, an electron, quantum mechanics,
relativity, a molecule, DNA, evolution, a cell, bacteria, a virus, a dinosaur, a dog, a cat, a horse, an elephant, a whale, a
shark, a bee, a spider, a tree, a rose, a mushroom, the rain forest, a desert, the ocean, a volcano, an earthquake, a hurricane,
the weather tomorrow, climate change, solar power, wind energy, nuclear power, oil, coal, steel, glass, plastic, paper, the
Mona Lisa, Picasso, Mozart, Beethoven, jazz, rock music, a guitar, a piano, a violin, the Beatles, a movie, Star Wars, Titanic,
a novel, a poem, Harry Potter, the Bible, Plato, Aristotle, Kant, philosophy, ethics, logic, mathematics, geometry, a triangle,
pi, an integral, a derivative, a matrix, prime numbers, statistics, probability, French, German, Spanish, Latin, Chinese, grammar
of English, an adjective, a verb, France, Germany, Spain, Italy, Japan, China, India, Brazil, Canada, Mexico, Egypt, Nigeria,
Kenya, Australia, Paris, London, New York, Tokyo, Berlin, Mount Everest, the Nile, the Amazon, the Pacific, Antarctica, Python,
JavaScript, Rust, Java, HTML, a database, SQL, Linux, Windows, Excel, a spreadsheet, a printer, the internet, Wikipedia, Google,
Facebook, a phone, a camera, a washing machine, a fridge, a hammer, a garden, a house, a roof, a bridge, a tower, a castle,
furniture, fashion, shoes, a hat, jewellery, perfume, a haircut, a tattoo, a holiday, a hotel, a passport, a visa, a cruise, my
boss, my neighbour, my exam, my homework, a job interview, a resume, a cover letter, a salary, a lawyer, a contract, divorce,
a judge, the police, a thief, a dragon, a unicorn, a ghost, aliens, astrology, a horoscope, magic, luck, dreams, time travel, the
meaning of life, the capital of Peru, the population of China, the speed of light, the price of eggs, the oldest tree,
a banana, an apple, rice, potatoes, salt, sugar, honey, butter, milk, an egg, a steak, a salad, breakfast, a restaurant, a waiter, beer,
a cocktail, the kitchen, an oven, a knife, a spoon, a plate, a table, a chair, a sofa, a bed, a lamp, a window, a door, a wall, a carpet,
a shirt, trousers, a coat, a ring, a watch, a bag, an umbrella, a wallet, money, a bank, a loan, a pension, rent, a landlord, a village,
a city, a river, a lake, a mountain, an island, a beach, snow, rain, thunder, fog, the wind, spring, summer, autumn, winter, a farmer,
a cow, a pig, a sheep, a chicken, a duck, a mouse, a snake, a frog, a bear, a wolf, a fox, a lion, a tiger, a monkey, a parrot, a fish,
a doctor, a nurse, a dentist, a hospital, medicine, a vaccine, blood, the heart, the brain, a muscle, a bone, skin, hair, an eye, a nose,
a teacher, a school, a university, a book, a library, a newspaper, a magazine, a letter, a stamp, a pen, a king, a queen, a soldier, an
army, a war, peace, an election, a vote, a law, a crime, a prison, a church, a temple, a god, an angel, a devil, a clown, a circus, a
theatre, a dance, a painter, a sculpture, a museum, a photo, a drum, a flute, an opera, a choir, a concert, golf, boxing, skiing, surfing,
hockey, the Olympics, a referee, a trophy, a video game, poker, a puzzle, a toy, a doll, a kite, a balloon, a bus, a taxi, a tram, a truck,
a motorcycle, a helicopter, a boat, a submarine, an airport, a road, a tunnel, a map, a compass, a clock, a calendar, a mirror, a candle,
a match, a fire, smoke, ash, a stone, sand, iron, copper, silver, a diamond, an acid, oxygen, hydrogen, carbon, water, ice, steam, energy,
a magnet, a lens, a laser, a telescope, a microscope, a satellite, a comet, Saturn, Venus, the Milky Way, Galileo, Newton, Einstein,
Darwin, Caesar, Cleopatra, Columbus, Gandhi, Lincoln, Rembrandt, Bach, Chopin, Homer, Dante, Goethe, Dickens, Hamlet, Don Quixote
""".replace('\n', ' ').split(',')]

REQUESTS = ['What is {x}?', 'What is {x}?', 'What is {x}?', 'Explain {x}.', 'Tell me about {x}.', 'Define {x}.', '{x}?', '{x}',
            'What does {x} mean?', 'Describe {x}.', "What's {x}?", 'Who invented {x}?', 'When did {x} begin?', 'Who was {x}?',
            'How does {x} work?', 'How do I make {x}?', 'Where can I find {x}?', 'Why is {x} important?', 'How old is {x}?',
            'Write a poem about {x}.', 'Write a story about {x}.', 'Write an essay on {x}.', 'Tell me a joke about {x}.',
            'What is the history of {x}?', 'Who is the best at {x}?', 'How much does {x} cost?', 'Do you like {x}?',
            'What do you think about {x}?', 'How can I learn {x}?', 'Is {x} dangerous?', 'How big is {x}?', 'Translate {x} to French.',
            'Give me ten facts about {x}.', 'What is the difference between {x} and a banana?', 'How do I fix {x}?',
            'Can you explain {x}?', 'Write code for {x}.', 'Recommend a book about {x}.', 'Which year is {x} from?',
            'Write a song about {x}.', 'Should I buy {x}?', 'How do you spell {x}?', 'Who won {x}?', 'What colour is {x}?',
            'I want to know what {x} is.', 'Summarize {x}.', 'What are the types of {x}?', 'Where does {x} come from?',
            'How many people know {x}?', 'What happened with {x}?', 'Draw {x}.', 'Why do people hate {x}?', 'Compare {x} and war.',
            'Invent a new name for {x}.', 'What is the opposite of {x}?', 'What is meant by {x}?', 'How heavy is {x}?',
            'Please explain {x} to me.', 'What rhymes with {x}?', 'Give me a recipe for {x}.', 'Who likes {x}?']
